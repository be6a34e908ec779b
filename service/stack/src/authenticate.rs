//! Authentication, at the transport: from what a request came with to who is calling.
//!
//! The layer refuses nothing itself: how a refusal looks is each protocol's affair, and some of what shares the port
//! (health checks) is open to anyone. It puts [`Authenticated`] into the request's extensions, and a protocol takes a
//! call's [`Caller`] from there and from nowhere else.
//!
//! Signed requests are another matter: a signature is of all of a request, which only the protocol has, once it has read
//! the body. The layer leaves them as they are, and knows nobody by them. A protocol whose requests may be signed asks
//! [`AuthenticateLayer::check_head`] before it reads the body, which answers for all other requests as the layer did and
//! refuses signers who cannot be known; and [`AuthenticateLayer::authenticate_body`] once the body is there.

use crate::Origins;
use cairn_auth::{
    AuthenticationError, Authenticator, BodyHash, Principal, SignatureClaim, SignatureError, SignedRequest,
    is_signature,
};
use cairn_ops::{Caller, Connection};
use cairn_storage::Engine;
use http::header::{AUTHORIZATION, USER_AGENT};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// What a connection says of itself, in the extensions of every request that comes on it. Made by the listener.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Where it comes from, and whether it is encrypted.
    pub connection: Connection,
    /// The certificate that the client proved to have, in DER, its chain verified.
    pub certificate: Option<Arc<[u8]>>,
}

/// Who is calling, or why that is not known; in a request's extensions.
#[derive(Clone, Debug)]
pub struct Authenticated {
    caller: Result<Caller, Arc<AuthenticationError>>,
    /// Whether there was an `authorization` header, which is no longer there.
    header_taken: bool,
}

impl Authenticated {
    /// The caller.
    ///
    /// # Errors
    /// Why there is none.
    pub fn caller(&self) -> Result<Caller, Arc<AuthenticationError>> {
        self.caller.clone()
    }
}

/// What a request's head says of its caller.
pub enum CheckedHead {
    /// Who it is: nothing depends on the body.
    Caller(Caller),
    /// Whose signature it claims to have. The body has to be hashed to know.
    Signed(Box<SignatureClaim>),
}

/// Whom to take callers for that do not say who they are.
#[derive(Clone, Debug, Default)]
pub enum Strangers {
    /// Nobody: they are refused.
    #[default]
    Refused,
    /// This principal, but for pages of other machines ([`Origins::Loopback`]): callers without credentials, and those
    /// who sign with access keys that are unknown here, as tools do that cannot but sign; nothing else of their
    /// signatures is judged. A signature with a known key has to be right. For development on one machine.
    Are(Principal),
}

/// Adds [`Authenticate`].
pub struct AuthenticateLayer<E: Engine> {
    authenticator: Arc<Authenticator<E>>,
    strangers: Strangers,
}

impl<E: Engine> Clone for AuthenticateLayer<E> {
    fn clone(&self) -> Self {
        Self { authenticator: self.authenticator.clone(), strangers: self.strangers.clone() }
    }
}

impl<E: Engine> AuthenticateLayer<E> {
    /// By what `authenticator` knows.
    pub fn new(authenticator: Arc<Authenticator<E>>, strangers: Strangers) -> Self {
        Self { authenticator, strangers }
    }

    /// Pages of which origins may call.
    pub fn origins(&self) -> Origins {
        match self.strangers {
            Strangers::Refused => Origins::Any,
            Strangers::Are(_) => Origins::Loopback,
        }
    }

    /// Whom to take a stranger for who sends such a request; none if it is refused. A browser may take a page's own
    /// server for this one (by a name that comes to mean this machine), so that it need not ask: such a page is refused
    /// here.
    fn stranger(&self, headers: &http::HeaderMap) -> Option<&Principal> {
        match &self.strangers {
            Strangers::Are(principal) if self.origins().admit(headers) => Some(principal),
            _ => None,
        }
    }

    /// What the head of a request, as it came through this layer, says of its caller. A signature counts, in a header or
    /// in the query string; without one, what the layer found out.
    ///
    /// # Errors
    /// Why the caller cannot be known, whatever the body is: it need not be read.
    pub fn check_head(&self, head: &http::request::Parts) -> Result<CheckedHead, Arc<AuthenticationError>> {
        let before = head.extensions.get::<Authenticated>();
        let request = SignedRequest::new(head, &[]);
        if !request.is_signed() {
            let caller = before.map(Authenticated::caller);
            return caller
                .unwrap_or_else(|| Err(Arc::new(AuthenticationError::Missing)))
                .map(CheckedHead::Caller);
        }
        if before.is_some_and(|before| before.header_taken) {
            return Err(Arc::new(SignatureError::HeaderAndQuery.into()));
        }
        if let Some(principal) = self.stranger(&head.headers)
            && !self.authenticator.knows_signer(&request)
        {
            return Ok(CheckedHead::Caller(caller(principal.clone(), head)));
        }
        let claim = self.authenticator.check_head(&request)?;
        Ok(CheckedHead::Signed(Box::new(claim)))
    }

    /// Who signed a request, whose body as it was sent, before any decompression, has this hash.
    ///
    /// # Errors
    /// Why the caller is not known: the signature is not of this request, or the access key has changed meanwhile.
    pub fn authenticate_body(
        &self,
        head: &http::request::Parts,
        claim: &SignatureClaim,
        body: &BodyHash,
    ) -> Result<Caller, Arc<AuthenticationError>> {
        let request = SignedRequest::new(head, &[]);
        let principal = self.authenticator.authenticate_claim(claim, &request, body)?;
        Ok(caller(principal, head))
    }

    async fn authenticate(
        &self,
        bearer: Bearer,
        peer: Peer,
        stranger: Option<&Principal>,
    ) -> Result<Caller, AuthenticationError> {
        let certificate = peer.certificate.as_deref();
        let principal = match bearer {
            Bearer::Unreadable => {
                Err(AuthenticationError::Incomplete("it must be `Bearer`, a space, and a token"))
            }
            Bearer::Signature => Err(AuthenticationError::Incomplete(
                "signatures are for AWS JSON requests; here it must be `Bearer`, a space, and a token",
            )),
            Bearer::Token(token) => self.authenticator.authenticate(Some(&token), certificate).await,
            Bearer::None => self.authenticator.authenticate(None, certificate).await,
        };
        let principal = match (principal, stranger) {
            (Err(AuthenticationError::Missing), Some(principal)) => Ok(principal.clone()),
            (principal, _) => principal,
        };
        Ok(Caller { principal: principal?, connection: peer.connection })
    }
}

impl<S, E: Engine> Layer<S> for AuthenticateLayer<E> {
    type Service = Authenticate<S, E>;

    fn layer(&self, inner: S) -> Authenticate<S, E> {
        Authenticate { inner, layer: self.clone() }
    }
}

/// Finds out who is calling.
pub struct Authenticate<S, E: Engine> {
    inner: S,
    layer: AuthenticateLayer<E>,
}

impl<S: Clone, E: Engine> Clone for Authenticate<S, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

/// The `authorization` header.
enum Bearer {
    None,
    Token(zeroize::Zeroizing<String>),
    /// Of the whole request, and not for the transport to check.
    Signature,
    Unreadable,
}

impl<S, E, B> Service<http::Request<B>> for Authenticate<S, E>
where
    E: Engine,
    B: Send + 'static,
    S: Service<http::Request<B>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        // The service that is ready is the one to call; the clone has yet to become so.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            let bearer = take_bearer(request.headers_mut());
            let peer = peer(request.extensions(), request.headers());
            let header_taken = matches!(bearer, Bearer::Token(_) | Bearer::Unreadable);
            let stranger = layer.stranger(request.headers());
            let caller = layer.authenticate(bearer, peer, stranger).await.map_err(Arc::new);
            request.extensions_mut().insert(Authenticated { caller, header_taken });
            inner.call(request).await
        })
    }
}

/// A principal, calling from where a request comes from.
fn caller(principal: Principal, head: &http::request::Parts) -> Caller {
    Caller { principal, connection: peer(&head.extensions, &head.headers).connection }
}

/// What is known of where a request comes from.
fn peer(extensions: &http::Extensions, headers: &http::HeaderMap) -> Peer {
    let mut peer = extensions.get::<Peer>().cloned().unwrap_or_default();
    peer.connection.user_agent = user_agent(headers);
    peer
}

/// Takes the bearer token out of the headers: what comes after has no use for it, and cannot let it slip. A signature
/// stays, as long as it is the only credential: it is no secret, and of use only with the rest of the request.
fn take_bearer(headers: &mut http::HeaderMap) -> Bearer {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let bearer = match (given.next(), given.next()) {
        (None, _) => Bearer::None,
        (Some(_), Some(_)) => Bearer::Unreadable,
        (Some(header), None) if is_signature(header) => return Bearer::Signature,
        (Some(header), None) => header
            .to_str()
            .ok()
            .and_then(|header| header.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or(Bearer::Unreadable, |(_, token)| {
                Bearer::Token(zeroize::Zeroizing::new(token.trim().to_owned()))
            }),
    };
    headers.remove(AUTHORIZATION);
    bearer
}

/// What a policy may see of `user-agent`, and no more of it than that needs.
fn user_agent(headers: &http::HeaderMap) -> Option<Arc<str>> {
    const CHARS_MAX: usize = 512;
    let agent = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(agent.get(..CHARS_MAX).unwrap_or(agent).into())
}
