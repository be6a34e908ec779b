//! The format of a file of cases.

use crate::template::Scope;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The account of a server that is not told another.
const ACCOUNT: &str = "000000000000";
/// What the ARNs of its tables begin with.
const TABLES: &str = "arn:aws:dynamodb:local:000000000000:table";

/// A file of cases about one area.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// What the cases are about.
    pub description: String,
    /// The protocols that can say what the cases say; all of them unless some are named.
    #[serde(default)]
    over: Vec<String>,
    /// Tables by the names that cases call them: each case that mentions one gets its own.
    #[serde(default)]
    pub(crate) tables: BTreeMap<String, TableSpec>,
    /// Names of tables that do not exist when a case begins.
    #[serde(default)]
    pub(crate) names: Vec<String>,
    pub(crate) cases: Vec<Case>,
}

/// Why a file of cases cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// It is not in the format.
    #[error("{0} is not a file of cases: {1}")]
    Format(PathBuf, String),
}

/// `pk S, sk N`, or more.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum TableSpec {
    Key(String),
    Full(FullTable),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullTable {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) lsi: BTreeMap<String, IndexSpec>,
    #[serde(default)]
    pub(crate) gsi: BTreeMap<String, IndexSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndexSpec {
    pub(crate) key: String,
    pub(crate) project: ProjectionSpec,
}

/// `ALL`, `KEYS_ONLY`, or the attributes to include.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ProjectionSpec {
    Kind(String),
    Include(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The case runs once for each of these, with fresh tables.
    #[serde(default)]
    pub(crate) with: Vec<BTreeMap<String, Value>>,
    /// Users by the names that steps call them: the statements of a policy of their own, which may be none.
    #[serde(default)]
    pub(crate) users: BTreeMap<String, Vec<Value>>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) call: String,
    /// Who makes the call: one of the case's users, or saved credentials; the root without it.
    #[serde(rename = "as")]
    pub(crate) caller: Option<String>,
    #[serde(default)]
    pub(crate) request: Map<String, Value>,
    /// The step runs for each number from the first to the last, under the name given.
    #[serde(default, rename = "for")]
    pub(crate) each: BTreeMap<String, (i64, i64)>,
    pub(crate) expect: Option<Value>,
    pub(crate) error: Option<ErrorSpec>,
    /// The call is made again until it answers this.
    pub(crate) until: Option<Value>,
    /// The call is made again until it is refused like this.
    pub(crate) until_error: Option<ErrorSpec>,
    /// Parts of the answer to use in later steps: names, and dotted paths into the answer.
    #[serde(default)]
    pub(crate) save: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorSpec {
    #[serde(rename = "type")]
    pub(crate) exception: String,
    pub(crate) message: Option<Value>,
    pub(crate) contains: Option<Value>,
    #[serde(rename = "Item")]
    pub(crate) item: Option<Value>,
    pub(crate) reasons: Option<Value>,
    pub(crate) throttling: Option<Value>,
}

impl CaseFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is not in the format.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read_to_string(path).map_err(|error| LoadError::Read(path.into(), error))?;
        Self::parse(&text).map_err(|reason| LoadError::Format(path.into(), reason))
    }

    /// Reads what would be in a file.
    ///
    /// # Errors
    /// It is not in the format; why.
    pub fn parse(text: &str) -> Result<Self, String> {
        // A plain `y` or `n` is text, as most readers of YAML have it.
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
    }

    /// What placeholders stand for in a run of that name, before anything is saved.
    pub fn scope(&self, run_name: &str) -> Scope {
        let tables = self.tables.keys().chain(&self.names);
        let tables = tables.map(|name| (name.clone(), format!("{run_name}.{name}").into()));
        let given = [("case", run_name), ("account", ACCOUNT), ("tables", TABLES)];
        given.map(|(name, value)| (name.to_owned(), value.into())).into_iter().chain(tables).collect()
    }

    /// The requests that create the tables of a run of that name, by the names that cases call them.
    ///
    /// # Errors
    /// A table is not described in the format; why.
    pub fn table_requests(&self, run_name: &str) -> Result<BTreeMap<String, Value>, String> {
        let request = |(name, table): (&String, &TableSpec)| {
            Ok((name.clone(), table.request(&format!("{run_name}.{name}"))?))
        };
        self.tables.iter().map(request).collect()
    }

    /// Whether a protocol of that name can say what the cases say.
    pub fn is_over(&self, protocol: &str) -> bool {
        self.over.is_empty() || self.over.iter().any(|over| over == protocol)
    }

    /// How many calls the file describes, a case counted once for each row it runs with.
    pub fn steps(&self) -> usize {
        self.cases.iter().map(|case| case.steps.len() * case.with.len().max(1)).sum()
    }
}

impl TableSpec {
    /// The request that creates the table.
    pub(crate) fn request(&self, name: &str) -> Result<Value, String> {
        let full = match self {
            Self::Key(key) => &FullTable { key: key.clone(), lsi: BTreeMap::new(), gsi: BTreeMap::new() },
            Self::Full(full) => full,
        };
        let mut types = BTreeMap::new();
        let mut request = Map::new();
        request.insert("TableName".into(), name.into());
        request.insert("BillingMode".into(), "PAY_PER_REQUEST".into());
        request.insert("KeySchema".into(), key_schema(&full.key, &mut types)?);
        for (member, indexes) in [("LocalSecondaryIndexes", &full.lsi), ("GlobalSecondaryIndexes", &full.gsi)]
        {
            if indexes.is_empty() {
                continue;
            }
            let indexes = indexes.iter().map(|(name, index)| index.request(name, &mut types));
            request.insert(member.into(), indexes.collect::<Result<Vec<_>, _>>()?.into());
        }
        let definitions =
            types.iter().map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind}));
        request.insert("AttributeDefinitions".into(), definitions.collect());
        Ok(request.into())
    }
}

impl IndexSpec {
    fn request(&self, name: &str, types: &mut BTreeMap<String, String>) -> Result<Value, String> {
        let projection = match &self.project {
            ProjectionSpec::Kind(kind) => json!({"ProjectionType": kind}),
            ProjectionSpec::Include(names) => {
                json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": names})
            }
        };
        Ok(json!({"IndexName": name, "KeySchema": key_schema(&self.key, types)?, "Projection": projection}))
    }
}

/// Reads `pk S, sk N`, or `a S, b S | c N` where several attributes make up a part of the key.
fn key_schema(text: &str, types: &mut BTreeMap<String, String>) -> Result<Value, String> {
    let (hash, range) = match text.split_once('|') {
        Some(parts) => parts,
        None => text.split_once(',').unwrap_or((text, "")),
    };
    let mut elements = Vec::new();
    for (role, part) in [("HASH", hash), ("RANGE", range)] {
        for attribute in part.split(',').map(str::trim).filter(|attribute| !attribute.is_empty()) {
            let (name, kind) = attribute
                .split_once(' ')
                .ok_or_else(|| format!("a key attribute is a name and a type, not {attribute:?}"))?;
            types.insert(name.into(), kind.into());
            elements.push(json!({"AttributeName": name, "KeyType": role}));
        }
    }
    Ok(elements.into())
}
