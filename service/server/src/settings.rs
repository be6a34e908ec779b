//! Settings: from flags, `CAIRN_*` variables and a file, in that order of precedence.

use crate::tls::TlsFiles;
use cairn_auth::{AuthenticationSettings, Secret};
use cairn_ops::CapacityLimits;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// Settings as they are given; what is not given has a default. A configuration file is TOML with these names.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsInput {
    /// The folder that holds the data: one that Cairn has used before, an empty one, or a new one, which is created
    #[arg(long, env = "CAIRN_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The address to listen on: ADDRESS:PORT, HOST:PORT, or PORT alone for 127.0.0.1 [default: 127.0.0.1:8000]
    #[arg(long, env = "CAIRN_LISTEN", value_name = "ADDR", value_parser = listen_address)]
    #[serde(default, deserialize_with = "listen_in_file")]
    pub listen: Option<SocketAddr>,
    /// Take callers without credentials for the account's root, on loopback only: for development
    #[arg(long, env = "CAIRN_DEV", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub dev: Option<bool>,
    /// The region in ARNs [default: local]
    #[arg(long, env = "CAIRN_REGION", value_name = "NAME")]
    pub region: Option<String>,
    /// The twelve-digit account in ARNs [default: 000000000000]
    #[arg(long, env = "CAIRN_ACCOUNT", value_name = "DIGITS")]
    pub account: Option<String>,
    /// A file with the key that secrets are encrypted under: 32 random bytes, in base64 or hexadecimal
    #[arg(long, env = "CAIRN_SECRETS_KEY_FILE", value_name = "FILE")]
    pub secrets_key_file: Option<PathBuf>,
    /// Files with earlier keys, which still decrypt
    #[arg(long, env = "CAIRN_SECRETS_OLD_KEY_FILES", value_delimiter = ',', value_name = "FILES")]
    pub secrets_old_key_files: Option<Vec<PathBuf>>,
    /// The id of the account's root access key; its secret is CAIRN_ROOT_SECRET_ACCESS_KEY or in a file [default: one
    /// is generated at the first start, and shown once]
    #[arg(long, env = "CAIRN_ROOT_ACCESS_KEY_ID", value_name = "ID")]
    pub root_access_key_id: Option<String>,
    /// A file with the root access key's secret
    #[arg(long, env = "CAIRN_ROOT_SECRET_ACCESS_KEY_FILE", value_name = "FILE")]
    pub root_secret_access_key_file: Option<PathBuf>,
    /// What only the environment holds
    #[arg(skip)]
    #[serde(skip)]
    pub secrets: SecretSettings,
    /// The server's certificate and what leads from it to an authority, in PEM; read anew when it changes
    #[arg(long, env = "CAIRN_TLS_CERTIFICATE_FILE", value_name = "FILE")]
    pub tls_certificate_file: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, env = "CAIRN_TLS_KEY_FILE", value_name = "FILE")]
    pub tls_key_file: Option<PathBuf>,
    /// The authorities of client certificates, in PEM
    #[arg(long, env = "CAIRN_TLS_CLIENT_CA_FILE", value_name = "FILE")]
    pub tls_client_ca_file: Option<PathBuf>,
    /// Listen beyond loopback without TLS, where something in front of the server has it [default: false]
    #[arg(long, env = "CAIRN_ALLOW_PLAINTEXT", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub allow_plaintext: Option<bool>,
    /// The issuers of tokens and the client certificates that are accepted; in the configuration file only
    #[arg(skip)]
    pub authentication: Option<AuthenticationSettings>,
    /// How many tables may exist, 1 to 400 [default: 400]
    #[arg(long, env = "CAIRN_TABLES_MAX", value_name = "N")]
    pub tables_max: Option<usize>,
    /// The most that the items of one partition may take on a table with local indexes, in MiB [default: 10240]
    #[arg(long, env = "CAIRN_ITEM_COLLECTION_MIB_MAX", value_name = "MIB")]
    pub item_collection_mib_max: Option<u64>,
    /// Which limits of throughput calls are held to; `true` is an old name of `aws`, `false` of `off` [default:
    /// provisioned]
    #[arg(
        long,
        env = "CAIRN_CAPACITY_LIMITS",
        num_args = 0..=1,
        default_missing_value = "aws",
        value_name = "LIMITS",
        value_parser = capacity_limits_parser()
    )]
    #[serde(default, deserialize_with = "capacity_limits_in_file")]
    pub capacity_limits: Option<CapacityLimits>,
    /// Read units a second that a new on-demand table is ready for, with `--capacity-limits aws` [default: 12000]
    #[arg(long, env = "CAIRN_ON_DEMAND_READ_UNITS_INITIAL", value_name = "UNITS")]
    pub on_demand_read_units_initial: Option<u64>,
    /// Write units a second that a new on-demand table is ready for, with `--capacity-limits aws` [default: 4000]
    #[arg(long, env = "CAIRN_ON_DEMAND_WRITE_UNITS_INITIAL", value_name = "UNITS")]
    pub on_demand_write_units_initial: Option<u64>,
    /// Read units a second of one partition, with `--capacity-limits aws` [default: 3000]
    #[arg(long, env = "CAIRN_PARTITION_READ_UNITS_MAX", value_name = "UNITS")]
    pub partition_read_units_max: Option<u64>,
    /// Write units a second of one partition, with `--capacity-limits aws` [default: 1000]
    #[arg(long, env = "CAIRN_PARTITION_WRITE_UNITS_MAX", value_name = "UNITS")]
    pub partition_write_units_max: Option<u64>,
    /// Units a second, of reads and of writes, that a table may be provisioned with, or grow to on demand with
    /// `--capacity-limits aws` [default: 40000]
    #[arg(long, env = "CAIRN_TABLE_UNITS_MAX", value_name = "UNITS")]
    pub table_units_max: Option<u64>,
    /// Units a second, of reads and of writes, that all tables together may be provisioned with [default: 80000]
    #[arg(long, env = "CAIRN_ACCOUNT_UNITS_MAX", value_name = "UNITS")]
    pub account_units_max: Option<u64>,
    /// Throughput decreases allowed per table and UTC day; after that, one per hour [default: 4]
    #[arg(long, env = "CAIRN_THROUGHPUT_DECREASES_MAX", value_name = "N")]
    pub throughput_decreases_max: Option<u64>,
    /// Switches of a table to on-demand in 24 hours [default: 4]
    #[arg(long, env = "CAIRN_ON_DEMAND_SWITCHES_MAX", value_name = "N")]
    pub on_demand_switches_max: Option<usize>,
    /// How long after a sweep for expired items the next one begins, in seconds [default: 30]
    #[arg(long, env = "CAIRN_TTL_SWEEP_SECONDS", value_name = "SECONDS")]
    pub ttl_sweep_seconds: Option<u64>,
    /// Have CreateTable and UpdateTable answer with what a table has become (ACTIVE) and not with what is being done
    /// (CREATING, UPDATING); a new index is awaited for ten seconds [default: as --dev]
    #[arg(long, env = "CAIRN_WAIT_FOR_TABLES", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub wait_for_tables: Option<bool>,
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
    /// Calls under way at once, over all connections; more are refused [default: 4096]
    #[arg(long, env = "CAIRN_CALLS_MAX", value_name = "N")]
    pub calls_max: Option<u32>,
    /// Connections of one address at once; if given, of loopback addresses too [default: half of all, loopback exempt]
    #[arg(long, env = "CAIRN_CONNECTIONS_PER_ADDRESS_MAX", value_name = "N")]
    pub connections_per_address_max: Option<usize>,
    /// Calls of one address under way at once; if given, of loopback addresses too [default: half of all, loopback
    /// exempt]
    #[arg(long, env = "CAIRN_CALLS_PER_ADDRESS_MAX", value_name = "N")]
    pub calls_per_address_max: Option<u32>,
    /// Memory for large requests and answers under way, over all connections, in MiB; calls wait for it and are refused
    /// after some seconds [default: an eighth of the memory there is, at least 64]
    #[arg(long, env = "CAIRN_CALLS_MIB_MAX", value_name = "MIB")]
    pub calls_mib_max: Option<u64>,
    /// How long a connection may take until its first request is there, in seconds [default: 10]
    #[arg(long, env = "CAIRN_FIRST_REQUEST_SECONDS_MAX", value_name = "SECONDS")]
    pub first_request_seconds_max: Option<u64>,
    /// How long an HTTP/1.1 connection may wait for its next request, in seconds [default: 90]
    #[arg(long, env = "CAIRN_CONNECTION_IDLE_SECONDS_MAX", value_name = "SECONDS")]
    pub connection_idle_seconds_max: Option<u64>,
    /// How old an HTTP/2 connection becomes before its client is told to make another, in seconds, give or take a tenth;
    /// 0 for no limit [default: 1800]
    #[arg(long, env = "CAIRN_CONNECTION_AGE_SECONDS_MAX", value_name = "SECONDS")]
    pub connection_age_seconds_max: Option<u64>,
    /// How long calls and streams may take to end on an HTTP/2 connection of that age, in seconds [default: 300]
    #[arg(long, env = "CAIRN_CONNECTION_AGE_GRACE_SECONDS", value_name = "SECONDS")]
    pub connection_age_grace_seconds: Option<u64>,
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

/// Settings that are secrets themselves: never a flag, which every process of the machine can see, and never printed.
#[derive(Clone, Debug, Default)]
pub struct SecretSettings {
    /// `CAIRN_SECRETS_KEY`: the key that secrets are encrypted under, instead of a file with it.
    pub secrets_key: Option<Secret>,
    /// `CAIRN_ROOT_SECRET_ACCESS_KEY`.
    pub root_secret_access_key: Option<Secret>,
}

impl SecretSettings {
    /// Those of an environment.
    #[must_use]
    pub fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let secret = |name| variable(name).filter(|value| !value.is_empty()).map(Secret::new);
        Self {
            secrets_key: secret("CAIRN_SECRETS_KEY"),
            root_secret_access_key: secret("CAIRN_ROOT_SECRET_ACCESS_KEY"),
        }
    }
}

/// Prints that there is a secret, and not which.
fn redacted<S: Serializer>(_: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("[redacted]")
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

/// Reads the limits by their names. The old names are aliases, so that `--help` and errors list the others.
fn capacity_limits_parser() -> impl TypedValueParser<Value = CapacityLimits> {
    PossibleValuesParser::new([
        PossibleValue::new(CapacityLimits::Provisioned.name())
            .help("The throughput of provisioned tables, and the maximum of on-demand tables that have one"),
        PossibleValue::new(CapacityLimits::Aws.name())
            .help("Also DynamoDB's limits of partitions and of growing on-demand tables")
            .alias("true"),
        PossibleValue::new(CapacityLimits::Off.name()).help("None").alias("false"),
    ])
    .try_map(|name| name.parse::<CapacityLimits>())
}

/// In a file, the old names may be booleans.
fn capacity_limits_in_file<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<CapacityLimits>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "must be \"provisioned\", \"aws\" or \"off\"")]
    enum Given {
        Flag(bool),
        Name(String),
    }
    let name = match Given::deserialize(deserializer)? {
        Given::Flag(flag) => flag.to_string(),
        Given::Name(name) => name,
    };
    name.parse().map(Some).map_err(D::Error::custom)
}

/// Reads an address to listen on: a port alone is one of 127.0.0.1, and the name of a host is resolved.
///
/// # Errors
/// What is wrong with the text, with an example.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    const FORMS: &str = "it must be ADDRESS:PORT, such as 127.0.0.1:8000 or [::1]:8000, HOST:PORT, such as localhost:8000, or a port \
                         alone, such as 8000, which is one of 127.0.0.1";
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').ok_or(FORMS)?;
    // An address of version 6 without brackets is not a host with a port.
    if host.is_empty() || host.contains([':', '/', '[']) || port.parse::<u16>().is_err() {
        return Err(FORMS.to_owned());
    }
    let found: Vec<_> =
        text.to_socket_addrs().map_err(|error| format!("cannot resolve the host {host}: {error}"))?.collect();
    // One address is listened on: that of version 4, which more clients try, if there are both.
    let preferred = found.iter().find(|address| address.is_ipv4()).or(found.first());
    preferred.copied().ok_or_else(|| format!("the host {host} has no address"))
}

/// In a file, a port alone may be a number.
fn listen_in_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "must be a text, such as \"127.0.0.1:8000\", or a port, such as 8000")]
    enum Given {
        Port(u16),
        Address(String),
    }
    match Given::deserialize(deserializer)? {
        Given::Port(port) => Ok(Some(SocketAddr::from(([127, 0, 0, 1], port)))),
        Given::Address(text) => listen_address(&text).map(Some).map_err(D::Error::custom),
    }
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
    /// The folder that holds the data; empty if none was given, and then a server does not start.
    #[serde(skip_serializing_if = "is_empty")]
    pub data: PathBuf,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Take callers without credentials for the account's root, on loopback only.
    pub dev: bool,
    /// The region in ARNs.
    pub region: String,
    /// The account in ARNs.
    pub account: String,
    /// A file with the key that secrets are encrypted under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_key_file: Option<PathBuf>,
    /// That key itself.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "redacted")]
    pub secrets_key: Option<Secret>,
    /// Files with earlier keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets_old_key_files: Vec<PathBuf>,
    /// The id of the root access key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_access_key_id: Option<String>,
    /// A file with its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_secret_access_key_file: Option<PathBuf>,
    /// The secret itself.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "redacted")]
    pub root_secret_access_key: Option<Secret>,
    /// The server's certificate; plain text without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_certificate_file: Option<PathBuf>,
    /// Its private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key_file: Option<PathBuf>,
    /// The authorities of client certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_ca_file: Option<PathBuf>,
    /// Listen beyond loopback without TLS.
    pub allow_plaintext: bool,
    /// How many tables may exist.
    pub tables_max: usize,
    /// The most that the items of one partition may take on a table with local indexes, in MiB.
    pub item_collection_mib_max: u64,
    /// Which limits of throughput calls are held to.
    pub capacity_limits: CapacityLimits,
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
    /// How long after a sweep for expired items the next one begins, in seconds.
    pub ttl_sweep_seconds: u64,
    /// Have CreateTable and UpdateTable answer with what a table has become.
    pub wait_for_tables: bool,
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
    /// Calls under way at once.
    pub calls_max: u32,
    /// Connections of one address at once; half of all, and loopback exempt, if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_per_address_max: Option<usize>,
    /// Calls of one address under way at once; half of all, and loopback exempt, if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_address_max: Option<u32>,
    /// Memory for large requests and answers under way, in MiB; by the memory there is if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_mib_max: Option<u64>,
    /// How long a connection may take until its first request is there, in seconds.
    pub first_request_seconds_max: u64,
    /// How long an HTTP/1.1 connection may wait for its next request, in seconds.
    pub connection_idle_seconds_max: u64,
    /// How old an HTTP/2 connection becomes, in seconds, give or take a tenth; 0 for no limit.
    pub connection_age_seconds_max: u64,
    /// How long calls may take to end on an HTTP/2 connection of that age, in seconds.
    pub connection_age_grace_seconds: u64,
    /// How long a stop waits for calls under way, in seconds.
    pub shutdown_grace_seconds: u64,
    /// What to log.
    pub log: String,
    /// How the log looks.
    pub log_format: LogFormat,
    /// The issuers of tokens and the client certificates that are accepted. A table of the file, and so the last.
    pub authentication: AuthenticationSettings,
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
    #[error("{address} is reachable from other machines: {rule}")]
    BeyondLoopback {
        /// The address.
        address: SocketAddr,
        /// What it takes to listen there.
        rule: &'static str,
    },
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
            secrets_key_file: self.secrets_key_file.or(other.secrets_key_file),
            secrets_old_key_files: self.secrets_old_key_files.or(other.secrets_old_key_files),
            root_access_key_id: self.root_access_key_id.or(other.root_access_key_id),
            root_secret_access_key_file: self
                .root_secret_access_key_file
                .or(other.root_secret_access_key_file),
            secrets: self.secrets,
            tls_certificate_file: self.tls_certificate_file.or(other.tls_certificate_file),
            tls_key_file: self.tls_key_file.or(other.tls_key_file),
            tls_client_ca_file: self.tls_client_ca_file.or(other.tls_client_ca_file),
            allow_plaintext: self.allow_plaintext.or(other.allow_plaintext),
            authentication: self.authentication.or(other.authentication),
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
            ttl_sweep_seconds: self.ttl_sweep_seconds.or(other.ttl_sweep_seconds),
            wait_for_tables: self.wait_for_tables.or(other.wait_for_tables),
            cache_mib: self.cache_mib.or(other.cache_mib),
            write_buffer_mib: self.write_buffer_mib.or(other.write_buffer_mib),
            disk_reserve_mib: self.disk_reserve_mib.or(other.disk_reserve_mib),
            accept_loss: self.accept_loss.or(other.accept_loss),
            connections_max: self.connections_max.or(other.connections_max),
            calls_max: self.calls_max.or(other.calls_max),
            connections_per_address_max: self
                .connections_per_address_max
                .or(other.connections_per_address_max),
            calls_per_address_max: self.calls_per_address_max.or(other.calls_per_address_max),
            calls_mib_max: self.calls_mib_max.or(other.calls_mib_max),
            first_request_seconds_max: self.first_request_seconds_max.or(other.first_request_seconds_max),
            connection_idle_seconds_max: self
                .connection_idle_seconds_max
                .or(other.connection_idle_seconds_max),
            connection_age_seconds_max: self.connection_age_seconds_max.or(other.connection_age_seconds_max),
            connection_age_grace_seconds: self
                .connection_age_grace_seconds
                .or(other.connection_age_grace_seconds),
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
        let settings = self.with_defaults();
        settings.check()?;
        Ok(settings)
    }

    /// The settings in force, whether or not a server would start with them: to be printed.
    pub(crate) fn with_defaults(self) -> Settings {
        Settings {
            data: self.data.unwrap_or_default(),
            listen: self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8000))),
            dev: self.dev.unwrap_or(false),
            region: self.region.unwrap_or_else(|| "local".into()),
            account: self.account.unwrap_or_else(|| "000000000000".into()),
            secrets_key_file: self.secrets_key_file,
            secrets_key: self.secrets.secrets_key,
            secrets_old_key_files: self.secrets_old_key_files.unwrap_or_default(),
            root_access_key_id: self.root_access_key_id,
            root_secret_access_key_file: self.root_secret_access_key_file,
            root_secret_access_key: self.secrets.root_secret_access_key,
            tls_certificate_file: self.tls_certificate_file,
            tls_key_file: self.tls_key_file,
            tls_client_ca_file: self.tls_client_ca_file,
            allow_plaintext: self.allow_plaintext.unwrap_or(false),
            authentication: self.authentication.unwrap_or_default(),
            tables_max: self.tables_max.unwrap_or(400),
            item_collection_mib_max: self.item_collection_mib_max.unwrap_or(10 * 1024),
            capacity_limits: self.capacity_limits.unwrap_or_default(),
            on_demand_read_units_initial: self.on_demand_read_units_initial.unwrap_or(12_000),
            on_demand_write_units_initial: self.on_demand_write_units_initial.unwrap_or(4_000),
            partition_read_units_max: self.partition_read_units_max.unwrap_or(3_000),
            partition_write_units_max: self.partition_write_units_max.unwrap_or(1_000),
            table_units_max: self.table_units_max.unwrap_or(40_000),
            account_units_max: self.account_units_max.unwrap_or(80_000),
            throughput_decreases_max: self.throughput_decreases_max.unwrap_or(4),
            on_demand_switches_max: self.on_demand_switches_max.unwrap_or(4),
            ttl_sweep_seconds: self.ttl_sweep_seconds.unwrap_or(30),
            wait_for_tables: self.wait_for_tables.or(self.dev).unwrap_or(false),
            cache_mib: self.cache_mib,
            write_buffer_mib: self.write_buffer_mib,
            disk_reserve_mib: self.disk_reserve_mib,
            accept_loss: self.accept_loss.unwrap_or(false),
            connections_max: self.connections_max.unwrap_or(10_000),
            calls_max: self.calls_max.unwrap_or(4_096),
            connections_per_address_max: self.connections_per_address_max,
            calls_per_address_max: self.calls_per_address_max,
            calls_mib_max: self.calls_mib_max,
            first_request_seconds_max: self.first_request_seconds_max.unwrap_or(10),
            connection_idle_seconds_max: self.connection_idle_seconds_max.unwrap_or(90),
            connection_age_seconds_max: self.connection_age_seconds_max.unwrap_or(1_800),
            connection_age_grace_seconds: self.connection_age_grace_seconds.unwrap_or(300),
            shutdown_grace_seconds: self.shutdown_grace_seconds.unwrap_or(30),
            log: self.log.unwrap_or_else(|| "info,fjall=warn,lsm_tree=warn".into()),
            log_format: self.log_format.unwrap_or(LogFormat::Text),
        }
    }
}

impl Settings {
    /// The files that TLS needs, if there is to be TLS.
    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            certificate: self.tls_certificate_file.clone()?,
            key: self.tls_key_file.clone()?,
            client_ca: self.tls_client_ca_file.clone(),
        })
    }

    /// # Errors
    /// The first setting that is missing or not allowed.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if is_empty(&self.data) {
            return Err(SettingsError::NoData);
        }
        let must = |name, rule, holds| if holds { Ok(()) } else { Err(SettingsError::Value { name, rule }) };
        let plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !self.listen.ip().is_loopback() {
            let refused = |rule| Err(SettingsError::BeyondLoopback { address: self.listen, rule });
            if self.dev {
                return refused("a server for development listens on loopback only, such as 127.0.0.1:8000");
            }
            if self.tls_certificate_file.is_none() && !self.allow_plaintext {
                return refused(
                    "credentials must not pass in the clear: give --tls-certificate-file and --tls-key-file, or \
                     --allow-plaintext if something in front of the server has TLS",
                );
            }
        }
        must(
            "tls_key_file",
            "given together with tls_certificate_file",
            self.tls_key_file.is_some() == self.tls_certificate_file.is_some(),
        )?;
        must(
            "tls_client_ca_file",
            "given only with tls_certificate_file",
            self.tls_client_ca_file.is_none() || self.tls_certificate_file.is_some(),
        )?;
        must(
            "secrets_key_file",
            "given, or CAIRN_SECRETS_KEY, unless the server is for development (--dev): 32 random bytes, as \
             `openssl rand -base64 32` prints them",
            self.secrets_key_file.is_some() != self.secrets_key.is_some()
                || (self.dev && self.secrets_key.is_none()),
        )?;
        let root_secrets =
            [self.root_secret_access_key.is_some(), self.root_secret_access_key_file.is_some()];
        must(
            "root_access_key_id",
            "given together with CAIRN_ROOT_SECRET_ACCESS_KEY or root_secret_access_key_file, one of them",
            root_secrets.iter().filter(|given| **given).count()
                == usize::from(self.root_access_key_id.is_some()),
        )?;
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
        must("ttl_sweep_seconds", "1 to 86400", (1..=86_400).contains(&self.ttl_sweep_seconds))?;
        must("cache_mib", "at least 8", self.cache_mib.is_none_or(|mib| mib >= 8))?;
        must("write_buffer_mib", "at least 8", self.write_buffer_mib.is_none_or(|mib| mib >= 8))?;
        must("calls_max", "1 to 1000000", (1..=1_000_000).contains(&self.calls_max))?;
        must(
            "connections_per_address_max",
            "at least 1",
            self.connections_per_address_max.is_none_or(|connections| connections >= 1),
        )?;
        must(
            "calls_per_address_max",
            "at least 1",
            self.calls_per_address_max.is_none_or(|calls| calls >= 1),
        )?;
        must(
            "calls_mib_max",
            "64 to 1048576",
            self.calls_mib_max.is_none_or(|mib| (64..=1 << 20).contains(&mib)),
        )?;
        for (name, seconds) in [
            ("first_request_seconds_max", self.first_request_seconds_max),
            ("connection_idle_seconds_max", self.connection_idle_seconds_max),
        ] {
            must(name, "1 to 86400", (1..=86_400).contains(&seconds))?;
        }
        for (name, seconds) in [
            ("connection_age_seconds_max", self.connection_age_seconds_max),
            ("connection_age_grace_seconds", self.connection_age_grace_seconds),
        ] {
            must(name, "0 to 31536000", seconds <= 31_536_000)?;
        }
        must("connections_max", "at least 1", self.connections_max >= 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn input() -> SettingsInput {
        SettingsInput {
            data: Some("data".into()),
            secrets_key_file: Some("key".into()),
            ..SettingsInput::default()
        }
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
    fn beyond_loopback_there_must_be_tls_and_nobody_is_taken_for_root() {
        let listening = |listen: &str, input: SettingsInput| {
            SettingsInput { listen: Some(listen.parse().unwrap()), ..input }.resolve()
        };
        let tls = || SettingsInput {
            tls_certificate_file: Some("certificate".into()),
            tls_key_file: Some("key".into()),
            ..input()
        };
        for listen in ["0.0.0.0:8000", "192.168.1.1:8000", "[::]:8000"] {
            let refused =
                |input| matches!(listening(listen, input), Err(SettingsError::BeyondLoopback { .. }));
            assert!(refused(input()), "{listen}");
            assert!(refused(SettingsInput { dev: Some(true), ..tls() }), "{listen}");
            assert!(listening(listen, tls()).is_ok(), "{listen}");
            assert!(listening(listen, SettingsInput { allow_plaintext: Some(true), ..input() }).is_ok());
        }
        assert!(listening("[::1]:8000", input()).is_ok());
    }

    #[test]
    fn without_a_key_for_secrets_a_server_is_for_development_only() {
        let keyless = SettingsInput { secrets_key_file: None, ..input() };
        assert!(keyless.clone().resolve().unwrap_err().to_string().contains("CAIRN_SECRETS_KEY"));
        assert!(SettingsInput { dev: Some(true), ..keyless }.resolve().is_ok());
    }

    #[test]
    fn secrets_come_from_the_environment_and_are_not_printed() {
        let environment = |name: &str| match name {
            "CAIRN_SECRETS_KEY" => Some("a-key-for-secrets".to_owned()),
            "CAIRN_ROOT_SECRET_ACCESS_KEY" => Some("a-root-secret".to_owned()),
            _ => None,
        };
        let settings = SettingsInput {
            secrets_key_file: None,
            root_access_key_id: Some("AKIAROOTROOTROOTROOT".into()),
            secrets: SecretSettings::from(environment),
            ..input()
        }
        .resolve()
        .unwrap();
        assert_eq!(settings.root_secret_access_key.as_ref().unwrap().expose(), "a-root-secret");
        let printed = toml::to_string(&settings).unwrap();
        for shown in [printed, format!("{settings:?}")] {
            assert!(shown.contains("[redacted]"));
            assert!(!shown.contains("a-root-secret") && !shown.contains("a-key-for-secrets"), "{shown}");
        }
    }

    #[test]
    fn a_server_for_development_waits_for_tables_unless_it_is_told_otherwise() {
        let waits = |dev, wait_for_tables| {
            SettingsInput { dev, wait_for_tables, ..input() }.resolve().unwrap().wait_for_tables
        };
        assert!(waits(Some(true), None) && waits(None, Some(true)));
        assert!(!waits(None, None) && !waits(Some(true), Some(false)));
    }

    #[test]
    fn an_address_to_listen_on_may_be_a_port_or_name_its_host() {
        for (text, expected) in [
            ("8342", "127.0.0.1:8342"),
            ("0", "127.0.0.1:0"),
            ("127.0.0.1:8342", "127.0.0.1:8342"),
            ("localhost:8342", "127.0.0.1:8342"),
            ("[::1]:8342", "[::1]:8342"),
        ] {
            assert_eq!(listen_address(text), Ok(expected.parse().unwrap()), "{text}");
        }
        for text in ["", "localhost", ":8342", "127.0.0.1", "::1:8342", "65536", "a:b", "http://127.0.0.1:1"]
        {
            let error = listen_address(text).unwrap_err();
            assert!(error.contains("such as 127.0.0.1:8000"), "{text}: {error}");
        }
        let unknown = listen_address("no-such-host.invalid:8342").unwrap_err();
        assert!(unknown.starts_with("cannot resolve the host no-such-host.invalid: "), "{unknown}");
    }

    fn of_file(text: &str) -> Result<Settings, SettingsError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{text}").unwrap();
        input().with_file(Some(file.path().into()))?.resolve()
    }

    #[test]
    fn a_file_may_name_a_port_alone() {
        for (text, expected) in [("8342", "127.0.0.1:8342"), ("\"localhost:7\"", "127.0.0.1:7")] {
            assert_eq!(of_file(&format!("listen = {text}")).unwrap().listen, expected.parse().unwrap());
        }
        for text in ["true", "-1", "70000"] {
            let error = of_file(&format!("listen = {text}")).unwrap_err();
            assert!(
                std::error::Error::source(&error).unwrap().to_string().contains("must be a text"),
                "{error}"
            );
        }
    }

    #[test]
    fn capacity_limits_have_names_and_old_names() {
        use CapacityLimits::{Aws, Off, Provisioned};
        let limits = |text: &str| {
            of_file(&format!("capacity_limits = {text}")).map(|settings| settings.capacity_limits)
        };
        for (text, expected) in [
            ("\"provisioned\"", Provisioned),
            ("\"aws\"", Aws),
            ("\"off\"", Off),
            ("true", Aws),
            ("false", Off),
            ("\"true\"", Aws),
            ("\"false\"", Off),
        ] {
            assert_eq!(limits(text).unwrap(), expected, "{text}");
        }
        for text in ["\"on\"", "1", "\"\""] {
            let error = limits(text).unwrap_err();
            assert!(std::error::Error::source(&error).unwrap().to_string().contains("must be"), "{error}");
        }
        assert_eq!(input().resolve().unwrap().capacity_limits, Provisioned);
        // What is printed can be given again.
        let printed = toml::to_string(&input().resolve().unwrap()).unwrap();
        assert!(printed.contains("capacity_limits = \"provisioned\""), "{printed}");
    }

    #[test]
    fn settings_can_be_printed_whatever_is_missing() {
        let settings =
            SettingsInput { region: Some("eu-north-1".into()), ..SettingsInput::default() }.with_defaults();
        assert!(matches!(settings.check(), Err(SettingsError::NoData)));
        let printed = toml::to_string(&settings).unwrap();
        assert!(printed.contains("region = \"eu-north-1\"") && !printed.contains("data ="), "{printed}");
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
            refused(SettingsInput { ttl_sweep_seconds: Some(0), ..input() }),
            "ttl_sweep_seconds must be 1 to 86400"
        );
        assert_eq!(
            refused(SettingsInput { account: Some("12".into()), ..input() }),
            "account must be twelve digits"
        );
        assert_eq!(
            refused(SettingsInput { calls_mib_max: Some(63), ..input() }),
            "calls_mib_max must be 64 to 1048576"
        );
        assert_eq!(
            refused(SettingsInput { first_request_seconds_max: Some(0), ..input() }),
            "first_request_seconds_max must be 1 to 86400"
        );
        assert_eq!(
            refused(SettingsInput { calls_per_address_max: Some(0), ..input() }),
            "calls_per_address_max must be at least 1"
        );
        assert!(refused(SettingsInput::default()).starts_with("no data folder"));
    }
}
