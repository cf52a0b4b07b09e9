//! An HTTP proxy as networks without a way out have it: it tunnels (`CONNECT`), passes plain requests on, and may ask who
//! connects (RFC 9110, sections 9.3.6 and 11.7).

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::rules::locked;

/// No head of a request is longer here.
const HEAD_MAX: usize = 16_384;

/// A running proxy. It stops when dropped.
pub struct ForwardProxy {
    address: SocketAddr,
    asked: Arc<Mutex<BTreeSet<String>>>,
    task: JoinHandle<()>,
}

/// What the proxy knows.
struct Shared {
    /// Where these host names are. A proxy of a real network asks its DNS.
    hosts: BTreeMap<String, SocketAddr>,
    /// The `Proxy-Authorization` that is asked for.
    authorization: Option<String>,
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl ForwardProxy {
    /// Starts one that knows these hosts. It answers 502 for every other.
    pub async fn start(hosts: impl IntoIterator<Item = (&str, SocketAddr)>) -> io::Result<Self> {
        Self::asking(hosts, None).await
    }

    /// The same, which answers 407 without this value of `Proxy-Authorization`.
    pub async fn asking(
        hosts: impl IntoIterator<Item = (&str, SocketAddr)>,
        authorization: Option<&str>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let asked = Arc::default();
        let shared = Arc::new(Shared {
            hosts: hosts.into_iter().map(|(host, address)| (host.to_owned(), address)).collect(),
            authorization: authorization.map(str::to_owned),
            asked: Arc::clone(&asked),
        });
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, asked, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The hosts that it was asked for, as `name:port`.
    pub fn asked(&self) -> BTreeSet<String> {
        locked(&self.asked).clone()
    }
}

impl Drop for ForwardProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection. A client that breaks off is its own concern.
async fn converse(mut stream: TcpStream, shared: Arc<Shared>) {
    if let Err(error) = pass_on(&mut stream, &shared).await {
        tracing::debug!(%error, "a connection through the proxy ended");
    }
}

async fn pass_on(stream: &mut TcpStream, shared: &Shared) -> io::Result<()> {
    let head = read_head(stream).await?;
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut words = text.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let authority = match method {
        "CONNECT" => target,
        _ => target.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap_or_default(),
    };
    let (host, _) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    let admitted = shared.authorization.as_ref().is_none_or(|wanted| gives(&text, wanted));
    if !admitted {
        return answer(stream, "407 Proxy Authentication Required").await;
    }
    locked(&shared.asked).insert(authority.to_owned());
    let Some(address) = shared.hosts.get(host) else { return answer(stream, "502 Bad Gateway").await };
    let mut server = TcpStream::connect(address).await?;
    match method {
        "CONNECT" => stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
        // A server takes the whole URL as well as the path (RFC 9112, section 3.2.2).
        _ => server.write_all(&head).await?,
    }
    copy_bidirectional(stream, &mut server).await.map(drop)
}

async fn answer(stream: &mut TcpStream, status: &str) -> io::Result<()> {
    stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes()).await
}

fn gives(head: &str, wanted: &str) -> bool {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("proxy-authorization").then_some(value.trim())
    });
    value == Some(wanted)
}

/// Everything up to the empty line, and what came with it.
async fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 || head.len() > HEAD_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}
