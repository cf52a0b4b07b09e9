//! The proxy in front of a server that is not MiniStack: what is counted, and what each fault looks like to a client.

use std::{
    io::{ErrorKind, Read, Result, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{AwsProxy, RecordedCall};

/// A server that answers every request with the same words and counts them.
struct Upstream {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]).unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\ndone");
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn proxy(&self) -> AwsProxy {
        AwsProxy::start_with(self.address, None).unwrap()
    }
}

/// Sends `GetRole` signed by the root of an account, and returns the answer or how the connection ended.
fn get_role(endpoint: &str) -> Result<String> {
    let body = "Action=GetRole&RoleName=reader";
    let length = body.len();
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://"))?;
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: iam\r\nconnection: close\r\ncontent-length: {length}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=222222222222/d/us-east-1/iam/aws4_request, Signature=0\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn statuses(proxy: &AwsProxy) -> Vec<Option<u16>> {
    proxy.calls().iter().map(RecordedCall::status).collect()
}

#[test]
fn a_call_is_forwarded_and_written_down() {
    let upstream = Upstream::start();
    let proxy = upstream.proxy();
    assert!(get_role(&proxy.endpoint()).unwrap().ends_with("done"));
    let call = &proxy.calls()[0];
    assert_eq!((call.action.as_str(), call.account.as_deref()), ("GetRole", Some("222222222222")));
    assert_eq!((call.role.as_deref(), call.status()), (Some("reader"), Some(200)));
}

#[test]
fn a_throttled_call_does_not_arrive() {
    let upstream = Upstream::start();
    let proxy = upstream.proxy();
    proxy.on("GetRole").account("222222222222").times(1).throttle();
    assert!(get_role(&proxy.endpoint()).unwrap().starts_with("HTTP/1.1 400"));
    assert_eq!(upstream.requests(), 0);
    assert!(get_role(&proxy.endpoint()).unwrap().ends_with("done"));
    assert_eq!(statuses(&proxy), [Some(400), Some(200)]);
}

#[test]
fn a_lost_answer_has_its_effect_and_resets_the_connection() {
    let upstream = Upstream::start();
    let proxy = upstream.proxy();
    proxy.on("GetRole").times(1).drop_response();
    assert_eq!(get_role(&proxy.endpoint()).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((upstream.requests(), statuses(&proxy)), (1, vec![None]));
}

#[test]
fn a_reset_call_has_no_effect() {
    let upstream = Upstream::start();
    let proxy = upstream.proxy();
    proxy.on("Get*").times(1).reset();
    assert_eq!(get_role(&proxy.endpoint()).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn a_role_that_lags_behind_is_not_found_until_released() {
    let upstream = Upstream::start();
    let proxy = upstream.proxy();
    let lag = proxy.on("GetRole").role("reader").lag();
    assert!(get_role(&proxy.endpoint()).unwrap().contains("<Code>NoSuchEntity</Code>"));
    lag.release();
    assert!(get_role(&proxy.endpoint()).unwrap().ends_with("done"));
    assert_eq!(lag.hits(), 1);
}

#[test]
fn a_hung_call_ends_with_the_proxy() {
    let upstream = Upstream::start();
    let proxy = upstream.proxy();
    let hang = proxy.on("*").hang();
    let endpoint = proxy.endpoint();
    let client = thread::spawn(move || get_role(&endpoint));
    while hang.hits() == 0 {
        thread::yield_now();
    }
    assert_eq!(statuses(&proxy), [None]);
    assert!(!client.is_finished());
    drop(proxy);
    assert_eq!(client.join().unwrap().unwrap_or_default(), "");
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn an_upstream_that_is_gone_is_a_bad_gateway() {
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = AwsProxy::start_with(nowhere, None).unwrap();
    assert!(get_role(&proxy.endpoint()).unwrap().starts_with("HTTP/1.1 502"));
}
