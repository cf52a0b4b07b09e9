//! An HTTP server on a loopback port, with a thread and a runtime of its own: what both proxies of the lab are made of.
//!
//! The thread lets a proxy outlive the runtime of the test that started it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    pin::Pin,
    thread::{self, JoinHandle},
};

use hyper::{
    Request, Response,
    body::{Body, Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::oneshot};

/// Any error, as HTTP bodies carry it.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An answer on its way, or the decision to break the connection.
pub(crate) type Answering<B> = Pin<Box<dyn Future<Output = Result<Response<B>, Severed>> + Send>>;

/// The connection is to be reset instead of answered.
#[derive(Debug, thiserror::Error)]
#[error("a fault resets the connection")]
pub(crate) struct Severed;

/// A running server. It stops when dropped.
pub(crate) struct Loopback {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Starts a server on a free port. `prepare` runs in the context of the server's runtime. It gives what the caller
    /// shares with the server, and the function that answers a request.
    pub(crate) fn start<T, B, A, E>(name: &str, prepare: impl FnOnce() -> Result<(T, A), E>) -> Result<(Self, T), E>
    where
        E: From<io::Error>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
        A: Fn(Request<Incoming>) -> Answering<B> + Clone + Send + Sync + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (shared, answer) = {
            let _context = runtime.enter();
            prepare()?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name(format!("{name}-{}", address.port())).spawn(move || {
            // Dropping the runtime with the loop ends every request still in flight.
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, answer) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok((Self { address, stop: Some(stop), thread: Some(thread) }, shared))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(()); // an error means that the server has ended already
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves until dropped.
async fn serve<B, A>(listener: TcpListener, answer: A)
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    A: Fn(Request<Incoming>) -> Answering<B> + Clone + Send + Sync + 'static,
{
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "a proxy cannot listen"),
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, answer.clone()))),
            Err(error) => tracing::warn!(%error, "a proxy could not accept a connection"),
        }
    }
}

/// Serves one connection, and resets it when an answer or a body asks for that.
async fn converse<B, A>(stream: TcpStream, answer: A)
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    A: Fn(Request<Incoming>) -> Answering<B> + Send + Sync + 'static,
{
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    if let Err(error) = (&mut connection).await
        && error.is_user()
    {
        let stream = connection.into_parts().io.into_inner();
        if let Err(error) = stream.set_zero_linger() {
            tracing::warn!(%error, "the connection is closed instead of reset");
        }
    }
}
