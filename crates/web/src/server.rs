//! The thread that serves: connections, their limits, and an end in order.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::error::WebError;
use crate::listener::Listener;
use crate::settings::WebSettings;
use crate::sources::Sources;
use crate::state::App;
use crate::stream::Feed;
use crate::tls::Tls;
use crate::{api, limits};

/// Blocking threads: for queries, a password, and a few more.
const BLOCKING: usize = limits::QUERIES + 3;
/// Pause after the system refused a connection: out of descriptors, perhaps.
const PAUSE: Duration = Duration::from_millis(100);

/// A server that runs; it ends when this is dropped, in order and within some seconds.
pub struct Server {
    address: SocketAddr,
    url: String,
    end: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    app: App,
    tls: Option<Arc<Tls>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Server {
    pub(crate) fn start(listener: Listener, sources: Sources) -> Result<Server, WebError> {
        let (address, url) = (listener.address(), listener.url());
        let (end, ending) = watch::channel(false);
        if let (Some(live), None) = (&sources.live, &sources.history) {
            // What the pages ask for is answered from these then.
            live.keep_totals();
        }
        let feed = Feed::start(sources.live.clone(), ending.clone()).map_err(WebError::Thread)?;
        let tls = listener.tls.clone();
        let app = App::new(
            sources,
            listener.settings.users,
            feed,
            ending.clone(),
            (tls.is_some(), address.port()),
        );
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .thread_name("web-work")
            .max_blocking_threads(BLOCKING)
            .build()
            .map_err(WebError::Thread)?;
        let socket = {
            let _context = runtime.enter();
            TcpListener::from_std(listener.socket)
                .map_err(|source| WebError::Listen { address, source })?
        };
        let router = api::router(&app);
        let serving = serve(socket, tls.clone(), router, ending);
        let thread = std::thread::Builder::new()
            .name("web".to_owned())
            .spawn(move || {
                runtime.block_on(serving);
                // A query that does not notice that nobody waits for it is left behind.
                runtime.shutdown_timeout(limits::ENDING);
            })
            .map_err(WebError::Thread)?;
        Ok(Server {
            address,
            url,
            end,
            thread: Some(thread),
            app,
            tls,
        })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a browser on this host finds it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes over what can be changed while it runs: users, and the certificate, whose files are read again.
    ///
    /// # Errors
    /// A file is wrong, or everything would be shown to everybody. What was in force stays.
    pub fn change(&self, settings: &WebSettings) -> Result<(), WebError> {
        if !self.address.ip().to_canonical().is_loopback() && settings.users.is_empty() {
            return Err(WebError::Open {
                address: self.address,
            });
        }
        if let (Some(tls), Some((certificate, key))) = (&self.tls, &settings.tls) {
            tls.reload(certificate, key)?;
        }
        if self.app.users() != settings.users {
            self.app.set_users(settings.users.clone());
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Takes connections until the end, then lets those end that there are.
async fn serve(
    socket: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    mut ending: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits::HEADERS)
        .max_concurrent_streams(100);
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = ending.wait_for(|ends| *ends) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // All places are taken: closing says so without a thread or a byte.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let _ = bounded(&stream);
        let watcher = graceful.watcher();
        let (router, builder, tls) = (router.clone(), builder.clone(), tls.clone());
        tokio::spawn(async move {
            let _place = place;
            let Some(io) = secured(stream, tls).await else {
                return;
            };
            let service = router.map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                request
            });
            let service = TowerToHyperService::new(service);
            let connection = builder.serve_connection(TokioIo::new(io), service);
            // How a connection ended is its client's affair.
            let _ = watcher.watch(connection.into_owned()).await;
        });
    }
    drop(socket);
    let end = Instant::now() + limits::ENDING;
    let _ = tokio::time::timeout_at(end.into(), graceful.shutdown()).await;
}

/// Who does not answer any more does not keep his place.
fn bounded(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(limits::SILENCE))?;
    socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(limits::SILENCE))
}

/// A connection, encrypted or not.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

async fn secured(stream: TcpStream, tls: Option<Arc<Tls>>) -> Option<Box<dyn Connection>> {
    let Some(tls) = tls else {
        return Some(Box::new(stream));
    };
    let handshake = TlsAcceptor::from(tls.config()).accept(stream);
    match tokio::time::timeout(limits::HEADERS, handshake).await {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        _ => None,
    }
}
