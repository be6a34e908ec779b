//! Settings: from flags, `CAIRN_*` variables and a file, in that order of precedence.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Settings as they are given; what is not given has a default. A configuration file is TOML with these names.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsInput {
    /// The folder that holds the data; made if it is not there
    #[arg(long, env = "CAIRN_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The address to listen on [default: 127.0.0.1:8000]
    #[arg(long, env = "CAIRN_LISTEN", value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Serve anyone who can connect, on loopback only: for development
    #[arg(long, env = "CAIRN_DEV", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub dev: Option<bool>,
    /// The region in ARNs [default: local]
    #[arg(long, env = "CAIRN_REGION", value_name = "NAME")]
    pub region: Option<String>,
    /// The twelve-digit account in ARNs [default: 000000000000]
    #[arg(long, env = "CAIRN_ACCOUNT", value_name = "DIGITS")]
    pub account: Option<String>,
    /// How many tables may exist, 1 to 400 [default: 400]
    #[arg(long, env = "CAIRN_TABLES_MAX", value_name = "N")]
    pub tables_max: Option<usize>,
    /// The most that the items of one partition may take on a table with local indexes, in MiB [default: 10240]
    #[arg(long, env = "CAIRN_ITEM_COLLECTION_MIB_MAX", value_name = "MIB")]
    pub item_collection_mib_max: Option<u64>,
    /// Throttle calls beyond the throughput of their table [default: true]
    #[arg(long, env = "CAIRN_CAPACITY_LIMITS", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub capacity_limits: Option<bool>,
    /// Read units a second that a new on-demand table is ready for [default: 12000]
    #[arg(long, env = "CAIRN_ON_DEMAND_READ_UNITS_INITIAL", value_name = "UNITS")]
    pub on_demand_read_units_initial: Option<u64>,
    /// Write units a second that a new on-demand table is ready for [default: 4000]
    #[arg(long, env = "CAIRN_ON_DEMAND_WRITE_UNITS_INITIAL", value_name = "UNITS")]
    pub on_demand_write_units_initial: Option<u64>,
    /// Read units a second of one partition [default: 3000]
    #[arg(long, env = "CAIRN_PARTITION_READ_UNITS_MAX", value_name = "UNITS")]
    pub partition_read_units_max: Option<u64>,
    /// Write units a second of one partition [default: 1000]
    #[arg(long, env = "CAIRN_PARTITION_WRITE_UNITS_MAX", value_name = "UNITS")]
    pub partition_write_units_max: Option<u64>,
    /// Units a second, of reads and of writes, that a table may be provisioned with or grow to [default: 40000]
    #[arg(long, env = "CAIRN_TABLE_UNITS_MAX", value_name = "UNITS")]
    pub table_units_max: Option<u64>,
    /// Units a second, of reads and of writes, that all tables together may be provisioned with [default: 80000]
    #[arg(long, env = "CAIRN_ACCOUNT_UNITS_MAX", value_name = "UNITS")]
    pub account_units_max: Option<u64>,
    /// Decreases of a table's throughput in a day (UTC) before each further one takes an hour without [default: 4]
    #[arg(long, env = "CAIRN_THROUGHPUT_DECREASES_MAX", value_name = "N")]
    pub throughput_decreases_max: Option<u64>,
    /// Switches of a table to on-demand in 24 hours [default: 4]
    #[arg(long, env = "CAIRN_ON_DEMAND_SWITCHES_MAX", value_name = "N")]
    pub on_demand_switches_max: Option<usize>,
    /// Memory for data read from disk, in MiB [default: a quarter of the memory there is]
    #[arg(long, env = "CAIRN_CACHE_MIB", value_name = "MIB")]
    pub cache_mib: Option<u64>,
    /// Memory for data not yet written out as sorted tables, in MiB [default: an eighth of the memory there is]
    #[arg(long, env = "CAIRN_WRITE_BUFFER_MIB", value_name = "MIB")]
    pub write_buffer_mib: Option<u64>,
    /// Disk space to keep free, in MiB; writes are refused below it [default: 256, less on a small disk]
    #[arg(long, env = "CAIRN_DISK_RESERVE_MIB", value_name = "MIB")]
    pub disk_reserve_mib: Option<u64>,
    /// Open a store although it has lost acknowledged writes [default: false]
    #[arg(long, env = "CAIRN_ACCEPT_LOSS", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub accept_loss: Option<bool>,
    /// Connections served at once [default: 10000]
    #[arg(long, env = "CAIRN_CONNECTIONS_MAX", value_name = "N")]
    pub connections_max: Option<usize>,
    /// How long a stop waits for calls under way, in seconds [default: 30]
    #[arg(long, env = "CAIRN_SHUTDOWN_GRACE_SECONDS", value_name = "SECONDS")]
    pub shutdown_grace_seconds: Option<u64>,
    /// What to log, as in `info` or `warn,cairn_ops=debug` [default: info, and of the storage library warnings]
    #[arg(long, env = "CAIRN_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How the log looks [default: text]
    #[arg(long, env = "CAIRN_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line an event, for people.
    Text,
    /// A JSON object an event, for machines.
    Json,
}

/// Settings in force.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// The folder that holds the data.
    pub data: PathBuf,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Serve anyone who can connect, on loopback only.
    pub dev: bool,
    /// The region in ARNs.
    pub region: String,
    /// The account in ARNs.
    pub account: String,
    /// How many tables may exist.
    pub tables_max: usize,
    /// The most that the items of one partition may take on a table with local indexes, in MiB.
    pub item_collection_mib_max: u64,
    /// Throttle calls beyond the throughput of their table.
    pub capacity_limits: bool,
    /// Read units a second that a new on-demand table is ready for.
    pub on_demand_read_units_initial: u64,
    /// Write units a second that a new on-demand table is ready for.
    pub on_demand_write_units_initial: u64,
    /// Read units a second of one partition.
    pub partition_read_units_max: u64,
    /// Write units a second of one partition.
    pub partition_write_units_max: u64,
    /// Units a second, of reads and of writes, that a table may be provisioned with or grow to.
    pub table_units_max: u64,
    /// Units a second, of reads and of writes, that all tables together may be provisioned with.
    pub account_units_max: u64,
    /// Decreases of a table's throughput in a day (UTC) before each further one takes an hour without.
    pub throughput_decreases_max: u64,
    /// Switches of a table to on-demand in 24 hours.
    pub on_demand_switches_max: usize,
    /// Memory for data read from disk, in MiB; by the memory there is if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_mib: Option<u64>,
    /// Memory for data not yet written out, in MiB; by the memory there is if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_buffer_mib: Option<u64>,
    /// Disk space to keep free, in MiB; by the disk if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_reserve_mib: Option<u64>,
    /// Open a store although it has lost acknowledged writes.
    pub accept_loss: bool,
    /// Connections served at once.
    pub connections_max: usize,
    /// How long a stop waits for calls under way, in seconds.
    pub shutdown_grace_seconds: u64,
    /// What to log.
    pub log: String,
    /// How the log looks.
    pub log_format: LogFormat,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {path}")]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The configuration file is not what it should be.
    #[error("the configuration file {path} is wrong")]
    Syntax {
        /// Its path.
        path: PathBuf,
        /// Where and how.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// No data folder was given.
    #[error("no data folder: give --data DIR, CAIRN_DATA, or `data` in the configuration file")]
    NoData,
    /// The server may not listen there.
    #[error(
        "{0} is reachable from other machines: without access control Cairn listens on loopback only, \
         such as 127.0.0.1:8000"
    )]
    BeyondLoopback(SocketAddr),
    /// A setting has a value that it may not have.
    #[error("{name} must be {rule}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}

impl SettingsInput {
    /// These settings, and where they say nothing those of a configuration file.
    ///
    /// # Errors
    /// If there is a file and it cannot be read or understood.
    pub fn with_file(self, path: Option<PathBuf>) -> Result<Self, SettingsError> {
        let Some(path) = path else { return Ok(self) };
        let text = std::fs::read_to_string(&path)
            .map_err(|source| SettingsError::File { path: path.clone(), source })?;
        let file: Self = toml::from_str(&text)
            .map_err(|source| SettingsError::Syntax { path, source: Box::new(source) })?;
        Ok(self.or(file))
    }

    fn or(self, other: Self) -> Self {
        Self {
            data: self.data.or(other.data),
            listen: self.listen.or(other.listen),
            dev: self.dev.or(other.dev),
            region: self.region.or(other.region),
            account: self.account.or(other.account),
            tables_max: self.tables_max.or(other.tables_max),
            item_collection_mib_max: self.item_collection_mib_max.or(other.item_collection_mib_max),
            capacity_limits: self.capacity_limits.or(other.capacity_limits),
            on_demand_read_units_initial: self
                .on_demand_read_units_initial
                .or(other.on_demand_read_units_initial),
            on_demand_write_units_initial: self
                .on_demand_write_units_initial
                .or(other.on_demand_write_units_initial),
            partition_read_units_max: self.partition_read_units_max.or(other.partition_read_units_max),
            partition_write_units_max: self.partition_write_units_max.or(other.partition_write_units_max),
            table_units_max: self.table_units_max.or(other.table_units_max),
            account_units_max: self.account_units_max.or(other.account_units_max),
            throughput_decreases_max: self.throughput_decreases_max.or(other.throughput_decreases_max),
            on_demand_switches_max: self.on_demand_switches_max.or(other.on_demand_switches_max),
            cache_mib: self.cache_mib.or(other.cache_mib),
            write_buffer_mib: self.write_buffer_mib.or(other.write_buffer_mib),
            disk_reserve_mib: self.disk_reserve_mib.or(other.disk_reserve_mib),
            accept_loss: self.accept_loss.or(other.accept_loss),
            connections_max: self.connections_max.or(other.connections_max),
            shutdown_grace_seconds: self.shutdown_grace_seconds.or(other.shutdown_grace_seconds),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
        }
    }

    /// The settings in force: defaults where nothing was said.
    ///
    /// # Errors
    /// A setting that is missing or not allowed.
    pub fn resolve(self) -> Result<Settings, SettingsError> {
        let settings = Settings {
            data: self.data.ok_or(SettingsError::NoData)?,
            listen: self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8000))),
            dev: self.dev.unwrap_or(false),
            region: self.region.unwrap_or_else(|| "local".into()),
            account: self.account.unwrap_or_else(|| "000000000000".into()),
            tables_max: self.tables_max.unwrap_or(400),
            item_collection_mib_max: self.item_collection_mib_max.unwrap_or(10 * 1024),
            capacity_limits: self.capacity_limits.unwrap_or(true),
            on_demand_read_units_initial: self.on_demand_read_units_initial.unwrap_or(12_000),
            on_demand_write_units_initial: self.on_demand_write_units_initial.unwrap_or(4_000),
            partition_read_units_max: self.partition_read_units_max.unwrap_or(3_000),
            partition_write_units_max: self.partition_write_units_max.unwrap_or(1_000),
            table_units_max: self.table_units_max.unwrap_or(40_000),
            account_units_max: self.account_units_max.unwrap_or(80_000),
            throughput_decreases_max: self.throughput_decreases_max.unwrap_or(4),
            on_demand_switches_max: self.on_demand_switches_max.unwrap_or(4),
            cache_mib: self.cache_mib,
            write_buffer_mib: self.write_buffer_mib,
            disk_reserve_mib: self.disk_reserve_mib,
            accept_loss: self.accept_loss.unwrap_or(false),
            connections_max: self.connections_max.unwrap_or(10_000),
            shutdown_grace_seconds: self.shutdown_grace_seconds.unwrap_or(30),
            log: self.log.unwrap_or_else(|| "info,fjall=warn,lsm_tree=warn".into()),
            log_format: self.log_format.unwrap_or(LogFormat::Text),
        };
        settings.check()?;
        Ok(settings)
    }
}

impl Settings {
    fn check(&self) -> Result<(), SettingsError> {
        let must = |name, rule, holds| if holds { Ok(()) } else { Err(SettingsError::Value { name, rule }) };
        let plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !self.listen.ip().is_loopback() {
            return Err(SettingsError::BeyondLoopback(self.listen));
        }
        must(
            "region",
            "lower-case letters, digits and hyphens",
            !self.region.is_empty() && plain(&self.region),
        )?;
        must(
            "account",
            "twelve digits",
            self.account.len() == 12 && self.account.bytes().all(|byte| byte.is_ascii_digit()),
        )?;
        must("tables_max", "1 to 400", (1..=400).contains(&self.tables_max))?;
        must(
            "item_collection_mib_max",
            "1 to 1048576",
            (1..=1 << 20).contains(&self.item_collection_mib_max),
        )?;
        for (name, units) in [
            ("on_demand_read_units_initial", self.on_demand_read_units_initial),
            ("on_demand_write_units_initial", self.on_demand_write_units_initial),
            ("partition_read_units_max", self.partition_read_units_max),
            ("partition_write_units_max", self.partition_write_units_max),
            ("table_units_max", self.table_units_max),
            ("account_units_max", self.account_units_max),
        ] {
            must(name, "1 to 1000000000", (1..=1_000_000_000).contains(&units))?;
        }
        must("cache_mib", "at least 8", self.cache_mib.is_none_or(|mib| mib >= 8))?;
        must("write_buffer_mib", "at least 8", self.write_buffer_mib.is_none_or(|mib| mib >= 8))?;
        must("connections_max", "at least 1", self.connections_max >= 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn input() -> SettingsInput {
        SettingsInput { data: Some("data".into()), ..SettingsInput::default() }
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "region = \"eu-north-1\"\nlisten = \"127.0.0.1:9\"\nlog_format = \"json\"").unwrap();
        let flags = SettingsInput { listen: Some("127.0.0.1:7".parse().unwrap()), ..input() };
        let settings = flags.with_file(Some(file.path().into())).unwrap().resolve().unwrap();
        assert_eq!(settings.listen.port(), 7);
        assert_eq!(settings.region, "eu-north-1");
        assert_eq!(settings.log_format, LogFormat::Json);
        assert_eq!(settings.account, "000000000000");
    }

    #[test]
    fn a_misspelt_setting_is_an_error_that_names_it() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "regoin = \"eu-north-1\"").unwrap();
        let error = input().with_file(Some(file.path().into())).unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("regoin"));
    }

    #[test]
    fn an_address_beyond_loopback_is_refused() {
        for listen in ["0.0.0.0:8000", "192.168.1.1:8000", "[::]:8000"] {
            let input = SettingsInput { listen: Some(listen.parse().unwrap()), dev: Some(true), ..input() };
            assert!(matches!(input.resolve(), Err(SettingsError::BeyondLoopback(_))), "{listen}");
        }
        let input = SettingsInput { listen: Some("[::1]:8000".parse().unwrap()), ..input() };
        assert!(input.resolve().is_ok());
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let refused = |input: SettingsInput| input.resolve().unwrap_err().to_string();
        assert_eq!(
            refused(SettingsInput { tables_max: Some(401), ..input() }),
            "tables_max must be 1 to 400"
        );
        assert_eq!(
            refused(SettingsInput { partition_read_units_max: Some(0), ..input() }),
            "partition_read_units_max must be 1 to 1000000000"
        );
        assert_eq!(
            refused(SettingsInput { account: Some("12".into()), ..input() }),
            "account must be twelve digits"
        );
        assert!(refused(SettingsInput::default()).starts_with("no data folder"));
    }
}
