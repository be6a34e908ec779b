//! Every file of cases, over every protocol and engine: one test each.

#![allow(clippy::unwrap_used, clippy::panic)] // Tests fail loudly, in helpers too.

use cairn_ops::CapacityLimits;
use cairn_scenarios::{AwsJsonProtocol, CaseFile, GrpcProtocol, TestServer, run};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};

/// The files, by area.
const FILES: &[&str] = &[
    "numbers",
    "sets",
    "documents",
    "keys",
    "put_get_delete",
    "update",
    "return_values",
    "conditions",
    "projections",
    "expression_errors",
    "capacity",
    "tables",
    "query",
    "paging",
    "scan",
    "indexes_lsi",
    "indexes_gsi",
    "item_collections",
    "batch_get",
    "batch_write",
    "transact_get",
    "transact_write",
    "throughput",
    "ttl",
    "table_descriptions",
    "backups",
    "throttling",
    "throttling_aws",
    "legacy",
    "list_tables",
    "tags_and_limits",
    "streamed_reads",
    "iam",
    "iam_lists",
    "permissions",
    "fine_grained",
    "sessions",
    "resource_policies",
];

/// Columns of a line, at most.
const COLUMNS_MAX: usize = 120;

#[derive(Clone, Copy)]
enum Engine {
    Memory,
    Fjall,
}

#[derive(Clone, Copy)]
enum Wire {
    Grpc,
    AwsJson,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases")
}

/// The limits of the server that a file is run against. Most cases write in a moment what takes seconds of capacity.
fn capacity_limits(file: &str) -> CapacityLimits {
    match file {
        "throttling" => CapacityLimits::Provisioned,
        "throttling_aws" => CapacityLimits::Aws,
        _ => CapacityLimits::Off,
    }
}

fn check(file: &str, wire: Wire, engine: Engine) -> Result<(), Failed> {
    let cases = CaseFile::load(&folder().join(file).with_extension("yaml"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let failures = runtime.block_on(async {
        let limits = capacity_limits(file);
        let server = match engine {
            Engine::Memory => TestServer::over_memory(limits).await?,
            Engine::Fjall => TestServer::over_fjall(limits).await?,
        };
        let failures = match wire {
            Wire::Grpc => {
                let protocol = GrpcProtocol::connect(server.address()).await?;
                run(&cases, &protocol, file).await
            }
            Wire::AwsJson => run(&cases, &AwsJsonProtocol::new(server.address()), file).await,
        };
        server.stop().await?;
        Ok::<_, Failed>(failures)
    })?;
    if failures.is_empty() {
        return Ok(());
    }
    Err(format!("{file}.yaml: {} failed\n\n{}", failures.len(), failures.join("\n\n")).into())
}

fn main() {
    let mut trials = Vec::new();
    for file in FILES {
        let cases = CaseFile::load(&folder().join(file).with_extension("yaml")).unwrap();
        for (wire_name, wire) in [("grpc", Wire::Grpc), ("aws_json", Wire::AwsJson)] {
            if !cases.is_over(wire_name) {
                continue;
            }
            for (name, engine) in [("memory", Engine::Memory), ("fjall", Engine::Fjall)] {
                let name = format!("{wire_name}::{name}::{file}");
                trials.push(Trial::test(name, move || check(file, wire, engine)));
            }
        }
    }
    trials.push(Trial::test("every_file_in_the_folder_is_a_file_of_cases", || {
        for entry in std::fs::read_dir(folder())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let steps = CaseFile::load(&path)?.steps();
                if steps == 0 {
                    return Err(format!("{} has no steps", path.display()).into());
                }
            }
        }
        Ok(())
    }));
    trials.push(Trial::test("no_line_of_a_file_of_cases_is_longer_than_120_columns", || {
        let mut long = Vec::new();
        for entry in std::fs::read_dir(folder())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = std::fs::read_to_string(&path)?;
                let lines = text.lines().map(|line| line.chars().count()).zip(1..);
                let found = lines.filter(|(columns, _)| *columns > COLUMNS_MAX);
                long.extend(
                    found.map(|(columns, line)| format!("{}:{line}: {columns} columns", path.display())),
                );
            }
        }
        if long.is_empty() {
            return Ok(());
        }
        Err(format!("an error in a long line is not found by reading:\n{}", long.join("\n")).into())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
