//! Tells a run as a file of cases, to be run again or kept.

use crate::generate::HEADER;
use crate::pair::Run;
use serde_json::{Value, json};

/// The file. Its last step expects what the second store answered; what the first did stands above it.
pub(crate) fn case_file(run: &Run, description: &str) -> String {
    let mut file =
        format!("description: {description}\n{HEADER}cases:\n  - name: both stores answer alike\n");
    file.push_str("    steps:\n");
    for exchange in &run.exchanges {
        let [first, second] = &exchange.answers;
        if first != second {
            file.push_str(&format!("      # The other answer: {first}\n"));
        }
        let mut second = second.clone();
        if exchange.leaves_items_out {
            file.push_str("      # The item is too large for an error over gRPC.\n");
            let error = second["error"].as_object_mut().unwrap();
            if error.remove("reasons").is_none() {
                error.insert("Item".into(), json!({"$any": true}));
            }
        }
        let expected = second.as_object().into_iter().flatten().map(|(kind, expected)| {
            let kind = match (kind.as_str(), exchange.is_awaited) {
                ("expect", true) => "until",
                ("error", true) => "until_error",
                (kind, _) => kind,
            };
            format!(", {kind}: {}", flow(expected))
        });
        file.push_str(&format!(
            "      - {{call: {}, request: {}{}}}\n",
            exchange.call,
            flow(&exchange.request),
            expected.collect::<String>()
        ));
    }
    file
}

/// As YAML in one line: as JSON, with room behind colons, which some readers of YAML want, and without a character that
/// YAML has not.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| format!("{}: {}", text(name), flow(member)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::String(value) => text(value),
        other => other.to_string(),
    }
}

fn text(value: &str) -> String {
    Value::from(value).to_string().replace('\u{ffff}', "\\uffff")
}
