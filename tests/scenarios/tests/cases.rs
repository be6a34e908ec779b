//! Every file of cases, over every protocol and engine: one test each.

#![allow(clippy::unwrap_used, clippy::panic)] // Tests fail loudly, in helpers too.

use cairn_ops::CapacityLimits;
use cairn_scenarios::{AwsJsonProtocol, CaseFile, GrpcProtocol, TestServer, run};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};

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

/// The files of the folder: each is run, whoever adds one.
fn files() -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.sort();
    files
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
    for path in files() {
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let cases = CaseFile::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(cases.steps() > 0, "{file} has no steps");
        for (wire_name, wire) in [("grpc", Wire::Grpc), ("aws_json", Wire::AwsJson)] {
            if !cases.is_over(wire_name) {
                continue;
            }
            for (name, engine) in [("memory", Engine::Memory), ("fjall", Engine::Fjall)] {
                let name = format!("{wire_name}::{name}::{file}");
                let file = file.clone();
                trials.push(Trial::test(name, move || check(&file, wire, engine)));
            }
        }
    }
    trials.push(Trial::test("no_line_of_a_file_of_cases_is_longer_than_120_columns", || {
        let mut long = Vec::new();
        for path in files() {
            let text = std::fs::read_to_string(&path)?;
            let lines = text.lines().map(|line| line.chars().count()).zip(1..);
            let found = lines.filter(|(columns, _)| *columns > COLUMNS_MAX);
            long.extend(found.map(|(columns, line)| format!("{}:{line}: {columns} columns", path.display())));
        }
        if long.is_empty() {
            return Ok(());
        }
        Err(format!("an error in a long line is not found by reading:\n{}", long.join("\n")).into())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
