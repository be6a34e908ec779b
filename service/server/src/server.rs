//! The server: opens the store, listens, serves, and stops in order.

use crate::edge::{AddressLimit, Addresses, AnswerBytesLayer, CLOSE_WAIT, ConnectionLimits, InFlight, serve};
use crate::identity::{self, IdentitySetupError};
use crate::settings::Settings;
use crate::tls::{Tls, TlsError, client_certificate};
use axum::Router;
use axum::routing::get;
use cairn_auth::{Authenticator, GeneratedRootKey};
use cairn_grpc::{HEALTH_SERVICE_NAMES, MessageLimitLayer};
use cairn_ops::{CapacityOptions, Connection, Service, ServiceOptions, UnitPair};
use cairn_stack::{AuthenticateLayer, ByteBudget, Peer, Stack, Strangers};
use cairn_storage::Engine;
use cairn_storage_fjall::{FjallEngine, FjallOptions};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::ServiceBuilder;

/// How long to wait before accepting again when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a call waits for memory for its request or answer.
const BUDGET_WAIT: Duration = Duration::from_secs(5);

/// How often certificates, tokens' issuers and the times that keys were last used are looked after: what renews a
/// certificate does so hours ahead.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(30);

const MIB: u64 = 1024 * 1024;

/// Why the server did not start or did not stop in order.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data folder cannot be opened.
    #[error("cannot open the data folder {path}")]
    Store {
        /// Its path.
        path: String,
        /// Why.
        #[source]
        source: cairn_storage::Error,
    },
    /// The catalog cannot be read.
    #[error("cannot start the table service")]
    Service(#[source] cairn_ops::Error),
    /// The identities cannot be had.
    #[error("cannot set up identities")]
    Identity(#[from] IdentitySetupError),
    /// TLS cannot be had.
    #[error("cannot set up TLS")]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The gRPC services cannot be assembled.
    #[error("cannot assemble the gRPC services")]
    Routes(#[from] cairn_grpc::RoutesError),
    /// The store did not close in order.
    #[error("cannot close the data folder")]
    Close(#[source] cairn_storage::Error),
    /// A thread ended early.
    #[error("a thread of the server ended early")]
    Thread(#[from] tokio::task::JoinError),
}

/// A server that is listening. It serves from [`run`](Self::run) on.
pub struct Server {
    listener: TcpListener,
    router: Router,
    health: HealthReporter,
    engine: FjallEngine,
    service: Service<FjallEngine>,
    authenticator: Authenticator<FjallEngine>,
    authenticate: AuthenticateLayer<FjallEngine>,
    generated_root_key: Option<GeneratedRootKey>,
    tls: Option<Arc<Tls>>,
    connections: Arc<Semaphore>,
    addresses: Addresses,
    answer_bytes: AnswerBytesLayer,
    in_flight: InFlight,
    limits: ConnectionLimits,
    grace: Duration,
}

impl Server {
    /// Opens the store and listens. Answers `Err` if the folder is damaged, in use or newer than this version, or the
    /// address is taken; the store is closed again then.
    pub async fn start(settings: &Settings) -> Result<Self, ServerError> {
        let options = store_options(settings);
        let path = settings.data.display().to_string();
        let engine = tokio::task::spawn_blocking(move || FjallEngine::open(options))
            .await?
            .map_err(|source| ServerError::Store { path, source })?;
        match Self::over(engine.clone(), settings).await {
            Ok(server) => Ok(server),
            Err(error) => {
                // The reason it did not start is worth more than how closing went.
                let _ = engine.close().await;
                Err(error)
            }
        }
    }

    async fn over(engine: FjallEngine, settings: &Settings) -> Result<Self, ServerError> {
        let options = ServiceOptions {
            region: settings.region.clone(),
            signing_region: settings.authentication.signing_region.clone(),
            account: settings.account.clone(),
            tables_max: settings.tables_max,
            item_collection_bytes_max: settings.item_collection_mib_max * MIB,
            capacity: capacity_options(settings),
            time_to_live_sweep_interval: Duration::from_secs(settings.ttl_sweep_seconds),
            wait_for_tables: settings.wait_for_tables,
            ..ServiceOptions::default()
        };
        let tls = settings.tls().map(Tls::open).transpose()?.map(Arc::new);
        let identity::Opened { identities, generated_root_key } =
            identity::open(engine.clone(), settings).await?;
        let strangers = match settings.dev {
            true => Strangers::Are(identity::root(&identities, &settings.account)?),
            false => Strangers::Refused,
        };
        let authenticator = Authenticator::new(identities.clone(), settings.authentication.clone())
            .map_err(IdentitySetupError::from)?;
        let authenticate = AuthenticateLayer::new(Arc::new(authenticator.clone()), strangers);
        let service =
            Service::start(engine.clone(), identities, options).await.map_err(ServerError::Service)?;
        let (health, health_service) = tonic_health::server::health_reporter();
        let stack = Stack::new(service.clone());
        let routes = cairn_grpc::routes(stack.clone(), health_service)?;
        let router = cairn_grpc::for_browsers(routes.prepare().into_axum_router(), authenticate.origins())
            .merge(cairn_aws_json::routes(stack, authenticate.clone()))
            .route("/healthz", get(|| async { "ok\n" }));
        let listener = TcpListener::bind(settings.listen)
            .await
            .map_err(|source| ServerError::Listen { address: settings.listen, source })?;
        for name in HEALTH_SERVICE_NAMES {
            health.set_service_status(name, ServingStatus::Serving).await;
        }
        Ok(Self {
            listener,
            router,
            health,
            engine,
            service,
            authenticator,
            authenticate,
            generated_root_key,
            tls,
            connections: Arc::new(Semaphore::new(settings.connections_max)),
            addresses: addresses(settings),
            answer_bytes: AnswerBytesLayer::new(ByteBudget::new(calls_bytes_max(settings), BUDGET_WAIT)),
            in_flight: InFlight::new(settings.calls_max),
            limits: connection_limits(settings),
            grace: Duration::from_secs(settings.shutdown_grace_seconds),
        })
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// If the operating system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The root access key that this start made, if it did: to be shown, now or never.
    pub fn take_generated_root_key(&mut self) -> Option<GeneratedRootKey> {
        self.generated_root_key.take()
    }

    /// The store.
    pub fn engine(&self) -> &FjallEngine {
        &self.engine
    }

    /// Serves until `stop` is cancelled, then lets the calls under way end, and closes the store.
    ///
    /// # Errors
    /// If the store does not close in order.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ServerError> {
        let (connections, stop_connections) = (TaskTracker::new(), CancellationToken::new());
        let upkeep = tokio::spawn(keep_up(self.authenticator.clone(), self.tls.clone(), stop.clone()));
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, address)) => {
                    self.serve_connection(stream, address, &connections, &stop_connections)
                }
                // The client's affair if it was the connection; out of descriptors if not, which a pause may mend.
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a connection could not be accepted"
                    );
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        tracing::info!("stopping: no new connections; calls under way may end");
        for name in HEALTH_SERVICE_NAMES {
            self.health.set_service_status(name, ServingStatus::NotServing).await;
        }
        drain(connections, stop_connections, &self.in_flight, self.grace).await;
        // It ends when the server stops, having written what it has to write.
        upkeep.await?;
        drop(self.service);
        self.engine.close().await.map_err(ServerError::Close)?;
        tracing::info!("stopped");
        Ok(())
    }

    fn serve_connection(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        connections: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let begun = Instant::now();
        // Dropping the stream refuses it: a client sees a closed connection and may try again.
        let Ok(permit) = self.connections.clone().try_acquire_owned() else {
            tracing::warn!("a connection was refused: there are as many as are allowed");
            return;
        };
        let Some(of_address) = self.addresses.connect(address.ip()).map(Arc::new) else {
            tracing::warn!(%address, "a connection was refused: its address has as many as are allowed");
            return;
        };
        // Answers are small and wanted at once. Failing to say so costs only time.
        let _ = stream.set_nodelay(true);
        let service = ServiceBuilder::new()
            // A refusal needs no memory to speak of, and whoever is inside may reserve some.
            .layer(self.answer_bytes.clone())
            // Before anything is done for a call, and before its caller is known: that costs something as well.
            .layer(self.in_flight.of(of_address))
            .layer(self.authenticate.clone())
            .layer(MessageLimitLayer)
            .service(self.router.clone());
        let connection = Connection { source_ip: Some(address.ip()), ..Connection::default() };
        let (tls, limits, stop) = (self.tls.clone(), self.limits, stop.clone());
        connections.spawn(async move {
            // Until the connection ends.
            let _permit = permit;
            let Some(tls) = tls else {
                let peer = Peer { connection, certificate: None };
                return serve(stream, begun, peer, service, limits, stop).await;
            };
            match tls.accept(stream, limits.first_request).await {
                Ok(stream) => {
                    let certificate = client_certificate(&stream);
                    let peer = Peer { connection: Connection { is_secure: true, ..connection }, certificate };
                    serve(stream, begun, peer, service, limits, stop).await;
                }
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a TLS handshake failed");
                }
            }
        });
    }
}

/// Does what has to be done now and then while the server runs, and what is left when it stops.
async fn keep_up<E: Engine>(authenticator: Authenticator<E>, tls: Option<Arc<Tls>>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if let Some(tls) = tls.clone() {
            // Files, and so not on an async worker. That it ends early has been logged by whoever panicked.
            let _ = tokio::task::spawn_blocking(move || tls.renew()).await;
        }
        stop.run_until_cancelled(authenticator.refresh_issuers()).await;
        identity::keep_up(authenticator.identities()).await;
    }
    identity::keep_up(authenticator.identities()).await;
}

/// Tells every connection to end, and waits for the calls under way.
async fn drain(
    connections: TaskTracker,
    stop_connections: CancellationToken,
    in_flight: &InFlight,
    grace: Duration,
) {
    stop_connections.cancel();
    connections.close();
    let calls_done = async {
        tokio::select! {
            () = connections.wait() => {}
            // A connection on which nothing happens may linger: its peer need not be there any more.
            () = async { in_flight.none().await; tokio::time::sleep(CLOSE_WAIT).await } => {}
        }
    };
    if tokio::time::timeout(grace, calls_done).await.is_err() {
        tracing::warn!(grace_seconds = grace.as_secs(), "some calls did not end in time and are cut off");
    }
}

/// What one address may have: half of everything, unless the settings say. What they say is for this machine's own
/// addresses as well.
fn addresses(settings: &Settings) -> Addresses {
    let limit = |given: Option<usize>, all: usize| AddressLimit {
        max: given.unwrap_or(all.div_ceil(2)),
        on_loopback: given.is_some(),
    };
    Addresses::new(
        limit(settings.connections_per_address_max, settings.connections_max),
        limit(settings.calls_per_address_max.map(|calls| calls as usize), settings.calls_max as usize),
    )
}

/// The memory for requests and answers under way, in bytes.
fn calls_bytes_max(settings: &Settings) -> u64 {
    settings.calls_mib_max.map_or_else(|| cairn_storage_fjall::memory_limit_bytes() / 8, |mib| mib * MIB)
}

fn connection_limits(settings: &Settings) -> ConnectionLimits {
    ConnectionLimits {
        first_request: Duration::from_secs(settings.first_request_seconds_max),
        idle: Duration::from_secs(settings.connection_idle_seconds_max),
        age: Some(settings.connection_age_seconds_max).filter(|age| *age > 0).map(Duration::from_secs),
        age_grace: Duration::from_secs(settings.connection_age_grace_seconds),
    }
}

/// The limits of throughput that settings ask for.
fn capacity_options(settings: &Settings) -> CapacityOptions {
    let both = |units| UnitPair { read: units, write: units };
    CapacityOptions {
        limits: settings.capacity_limits,
        on_demand_initial: UnitPair {
            read: settings.on_demand_read_units_initial,
            write: settings.on_demand_write_units_initial,
        },
        partition_max: UnitPair {
            read: settings.partition_read_units_max,
            write: settings.partition_write_units_max,
        },
        table_max: both(settings.table_units_max),
        account_max: both(settings.account_units_max),
        decreases_at_once: settings.throughput_decreases_max,
        on_demand_switches_max: settings.on_demand_switches_max,
        ..CapacityOptions::default()
    }
}

fn store_options(settings: &Settings) -> FjallOptions {
    let mut options = FjallOptions::new(&settings.data);
    if let Some(mib) = settings.cache_mib {
        options.cache_bytes = mib * MIB;
    }
    if let Some(mib) = settings.write_buffer_mib {
        options.write_buffer_bytes = mib * MIB;
    }
    options.disk_reserve_bytes =
        settings.disk_reserve_mib.map(|mib| mib * MIB).or(options.disk_reserve_bytes);
    options.accept_loss = settings.accept_loss;
    options
}

/// A token that is cancelled by the first SIGTERM or SIGINT. A second one ends the process at once.
///
/// # Errors
/// If signals cannot be listened for.
pub fn stop_on_signal() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        let mut received = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        received().await;
        token.cancel();
        received().await;
        std::process::exit(130);
    });
    Ok(stop)
}
