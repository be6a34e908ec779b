//! One connection: the limits of HTTP/1 and HTTP/2, how long it may be silent, and how old it may become.
//!
//! hyper reads the version of a connection without a time limit, and its limit on reading a head also covers the wait for
//! the next request. So the times are kept here: what the connection reads and which calls are under way on it is
//! observed, and a watch beside it ends it.

use super::held::HeldResponse;
use bytes::Bytes;
use cairn_stack::Peer;
use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// Concurrent streams on one HTTP/2 connection.
const STREAMS_MAX: u32 = 1_024;
/// What a client may send before a request's body is read. A request that nobody may make is refused without reading it,
/// so this is what a stranger can have the server keep: enough to keep a fast link busy, and no more.
const STREAM_WINDOW_BYTES: u32 = 512 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// The largest frame that is read.
const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// What a stream's answer may have in the connection's buffers.
const SEND_BUFFER_BYTES_MAX: usize = 128 * 1024;
/// Streams that their client has reset before they were looked at; more end the connection (CVE-2023-44487).
const RESET_STREAMS_MAX: usize = 20;
/// Streams that were reset for faults of the client; more end the connection (CVE-2025-8671).
const FAULTY_STREAMS_MAX: usize = 256;
/// The largest header block, metadata included (semantics: 16 KB).
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// How long a client may take over the first line and headers of an HTTP/1 request, from its first byte.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a client may leave what is written to its socket unread.
const UNREAD_TIME_MAX: Duration = Duration::from_secs(60);
/// An HTTP/2 connection is asked whether it is alive after this long, and closed if it does not answer.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection may take to close once no call is under way on it.
pub(crate) const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// The times of connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// How long a connection may take until its first request is there, the handshake of TLS included.
    pub(crate) first_request: Duration,
    /// How long an HTTP/1 connection may wait for its next request.
    pub(crate) idle: Duration,
    /// How old an HTTP/2 connection becomes, give or take a tenth; as old as it likes if there is none. Calls go over
    /// connections for as long as there are any, so a server that joins others would not get any.
    pub(crate) age: Option<Duration>,
    /// How long calls may take to end on a connection of that age.
    pub(crate) age_grace: Duration,
}

/// Closes the connection that a request came on, when it is notified; in the extensions of every request.
#[derive(Clone, Debug)]
pub(crate) struct CloseConnection(pub(crate) Arc<Notify>);

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The server stops.
    Stop,
    /// It is old.
    Age,
    /// It was silent for too long, or too slow.
    Silence,
    /// Its memory is needed.
    Unread,
}

/// What happens on a connection.
#[derive(Debug)]
struct Activity {
    begun: Instant,
    /// Whether there has been a request.
    spoke: AtomicBool,
    is_http2: AtomicBool,
    calls: AtomicUsize,
    /// When the last call ended, when the head of the next request began, and since when a write waits for the client.
    idle_since: Moment,
    head_since: Moment,
    unread_since: Moment,
}

/// A time since a connection began, in milliseconds and one; nought for none.
#[derive(Debug, Default)]
struct Moment(AtomicU64);

impl Activity {
    fn new(begun: Instant) -> Self {
        Self {
            begun,
            spoke: AtomicBool::new(false),
            is_http2: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            idle_since: Moment::default(),
            head_since: Moment::default(),
            unread_since: Moment::default(),
        }
    }

    fn mark(&self, moment: &Moment) {
        let passed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        moment.0.store(passed + 1, Ordering::Relaxed);
    }

    fn marked(&self, moment: &Moment) -> Option<Instant> {
        let passed = moment.0.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.begun + Duration::from_millis(passed))
    }

    /// When the connection has to be ended for its silence, if nothing happens until then.
    fn ends(&self, limits: &ConnectionLimits) -> Option<Instant> {
        if !self.spoke.load(Ordering::Relaxed) {
            return Some(self.begun + limits.first_request);
        }
        let unread = self.marked(&self.unread_since).map(|since| since + UNREAD_TIME_MAX);
        let waits = self.calls.load(Ordering::Relaxed) == 0 && !self.is_http2.load(Ordering::Relaxed);
        let request = if waits {
            let head = self.marked(&self.head_since).map(|since| since + HEAD_TIME_MAX);
            head.or_else(|| self.marked(&self.idle_since).map(|since| since + limits.idle))
        } else {
            None
        };
        [unread, request].into_iter().flatten().min()
    }

    /// Waits until the connection has been silent for too long.
    async fn silence(&self, limits: &ConnectionLimits) {
        // Nothing wakes this when something begins that has a time: that is looked for as often as the shortest of those
        // times, which comes to little for a connection and nothing for a call.
        let pace = HEAD_TIME_MAX.min(limits.idle);
        loop {
            let now = Instant::now();
            let ends = self.ends(limits);
            if ends.is_some_and(|ends| ends <= now) {
                return;
            }
            tokio::time::sleep_until(ends.map_or(now + pace, |ends| ends.min(now + pace))).await;
        }
    }
}

impl Moment {
    fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn is_marked(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }
}

/// Waits until a connection is old. One that is of HTTP/1 by then does not become so.
async fn age(activity: &Activity, limits: &ConnectionLimits) {
    match limits.age {
        Some(age) => {
            // Connections that began together do not end together.
            let tenths = 0.9 + 0.2 * (RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64);
            tokio::time::sleep_until(activity.begun + age.mul_f64(tenths)).await;
            if !activity.is_http2.load(Ordering::Relaxed) {
                std::future::pending().await
            }
        }
        None => std::future::pending().await,
    }
}

/// Serves a connection until it ends: by itself, after `stop`, or because it is silent or old. It began at `begun`.
pub(crate) async fn serve<I, S, B>(
    stream: I,
    begun: Instant,
    peer: Peer,
    service: S,
    limits: ConnectionLimits,
    stop: CancellationToken,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The watch has the times.
        .header_read_timeout(None)
        .max_buf_size(HEADER_BYTES_MAX as usize * 4);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(FAULTY_STREAMS_MAX)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    let activity = Arc::new(Activity::new(begun));
    let close = Arc::new(Notify::new());
    let stream = ObservedStream { stream, activity: activity.clone() };
    let service =
        Observed { inner: service, activity: activity.clone(), peer, close: CloseConnection(close.clone()) };
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection.into_owned());
    let end = tokio::select! {
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(error = &*error, "a connection ended with an error");
            }
            return;
        }
        () = stop.cancelled() => End::Stop,
        () = activity.silence(&limits) => End::Silence,
        () = age(&activity, &limits) => End::Age,
        () = close.notified() => End::Unread,
    };
    tracing::debug!(?end, "a connection is ended");
    connection.as_mut().graceful_shutdown();
    let patience = match end {
        // The server itself waits no longer than it means to.
        End::Stop => None,
        End::Age => Some(limits.age_grace),
        End::Silence => Some(CLOSE_WAIT),
        End::Unread => Some(Duration::ZERO),
    };
    let given_up = async {
        match patience {
            Some(patience) => tokio::time::sleep(patience).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = connection.as_mut() => {}
        () = given_up => {}
    }
}

/// A service whose calls are noted.
#[derive(Clone)]
struct Observed<S> {
    inner: S,
    activity: Arc<Activity>,
    peer: Peer,
    close: CloseConnection,
}

/// A call under way on a connection.
struct ConnectionCall(Arc<Activity>);

impl ConnectionCall {
    fn begin(activity: &Arc<Activity>, version: Version) -> Self {
        if !activity.spoke.load(Ordering::Relaxed) {
            activity.is_http2.store(version == Version::HTTP_2, Ordering::Relaxed);
            activity.spoke.store(true, Ordering::Relaxed);
        }
        activity.calls.fetch_add(1, Ordering::Relaxed);
        activity.head_since.clear();
        Self(activity.clone())
    }
}

impl Drop for ConnectionCall {
    fn drop(&mut self) {
        self.0.mark(&self.0.idle_since);
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S, B> Service<Request<Incoming>> for Observed<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
{
    type Response = Response<super::held::HeldBody<B, ConnectionCall>>;
    type Error = S::Error;
    type Future = HeldResponse<S::Future, ConnectionCall>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let call = ConnectionCall::begin(&self.activity, request.version());
        request.extensions_mut().insert(self.peer.clone());
        request.extensions_mut().insert(self.close.clone());
        HeldResponse::new(self.inner.call(request), Some(call))
    }
}

/// A stream whose reads and writes are noted.
struct ObservedStream<I> {
    stream: I,
    activity: Arc<Activity>,
}

impl<I> ObservedStream<I> {
    fn note_write<T>(&self, written: &Poll<T>) {
        let unread = &self.activity.unread_since;
        match written {
            Poll::Ready(_) => unread.clear(),
            Poll::Pending if unread.is_marked() => {}
            Poll::Pending => self.activity.mark(unread),
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for ObservedStream<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let activity = &self.activity;
        if buffer.filled().len() > before
            && activity.calls.load(Ordering::Relaxed) == 0
            && !activity.head_since.is_marked()
        {
            activity.mark(&activity.head_since);
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for ObservedStream<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.note_write(&flushed);
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
