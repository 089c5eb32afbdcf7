use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::timeout;

use super::*;

/// One connection to a server that sends this, whatever it is asked, and what it was asked.
async fn asked(check: &HttpCheck, answer: &'static str, then_close: bool) -> (Result<(), String>, String) {
    let (ours, mut theirs) = UnixStream::pair().expect("a pair");
    let server = tokio::spawn(async move {
        let mut request = vec![0; 4096];
        let length = theirs.read(&mut request).await.expect("a request");
        theirs.write_all(answer.as_bytes()).await.expect("it is sent");
        if then_close {
            drop(theirs);
        } else {
            // Until the other side has gone.
            while theirs.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {}
        }
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let said = timeout(Duration::from_secs(30), ask(ours, check)).await.expect("it ends");
    (said, server.await.expect("it is served"))
}

fn check(path: &str) -> HttpCheck {
    HttpCheck::new(Scheme::Http, path)
}

#[tokio::test]
async fn a_request_says_what_it_was_told_to() {
    let headers = vec![("X-Probe".to_owned(), "1".to_owned()), ("User-Agent".to_owned(), "mine".to_owned())];
    let check = HttpCheck { host: Some("example.org".into()), headers, ..check("/ok?now") };
    let (said, request) = asked(&check, "HTTP/1.1 204 No Content\r\n\r\n", true).await;
    assert_eq!(said, Ok(()));
    assert!(request.starts_with("GET /ok?now HTTP/1.1\r\n"), "{request}");
    for line in ["host: example.org", "x-probe: 1", "user-agent: mine", "connection: close"] {
        assert_eq!(request.lines().filter(|it| *it == line).count(), 1, "{line}\n{request}");
    }
}

#[tokio::test]
async fn a_good_answer_is_good_before_its_body_ends() {
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nbegun";
    assert_eq!(asked(&check("/"), endless, false).await.0, Ok(()));
    let check = HttpCheck { body: Some("begun".into()), ..check("/") };
    assert_eq!(asked(&check, endless, false).await.0, Ok(()));
}

#[tokio::test]
async fn a_bad_answer_is_told_though_its_body_does_not_end() {
    let endless = "HTTP/1.1 500 Oh\r\ncontent-length: 100000\r\n\r\nno disk";
    let said = asked(&check("/healthz"), endless, false).await.0.expect_err("it is bad");
    assert_eq!(said, "GET /healthz answered 500, wanted 200-399; body begins: no disk");
}

#[tokio::test]
async fn who_says_nothing_or_rubbish_is_told_apart() {
    let said = asked(&check("/"), "", true).await.0.expect_err("no answer");
    assert_eq!(said, "GET /: the connection was closed before an answer");
    let said = asked(&check("/"), "SSH-2.0-OpenSSH_9.2\r\n", true).await.0.expect_err("no answer");
    assert!(said.starts_with("GET /: the answer is no HTTP/1.1"), "{said}");
    let https = HttpCheck { scheme: Scheme::Https, ..check("/") };
    let said = asked(&https, "HTTP/1.1 400 Bad Request\r\n\r\n", true).await.0.expect_err("no TLS");
    assert!(said.starts_with("no TLS handshake: "), "{said}");
}

#[tokio::test]
async fn nobody_checks_the_certificate() {
    let place = tempfile::tempdir().expect("a directory");
    let (key, certificate) = (place.path().join("key.pem"), place.path().join("certificate.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"])
        .args(["-subj", "/CN=somebody.else", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let acceptor = acceptor(&certificate, &key);
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut stream = acceptor.accept(stream).await.expect("a handshake");
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.expect("a request");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready").await.expect("it is sent");
        stream.shutdown().await.expect("it ends");
        length
    });
    let stream = TcpStream::connect(address).await.expect("it listens");
    let check = HttpCheck { scheme: Scheme::Https, body: Some("ready".into()), ..check("/") };
    assert_eq!(ask(stream, &check).await, Ok(()));
    assert!(server.await.expect("it is served") > 0);
}

fn acceptor(certificate: &std::path::Path, key: &std::path::Path) -> tokio_rustls::TlsAcceptor {
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    Arc::new(config).into()
}
