//! TLS for checks. Nobody checks the certificate: it is for the name that clients use, and whoever answers is ours.

use std::sync::{Arc, LazyLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// Made when the first check wants it.
static CONNECTOR: LazyLock<Result<TlsConnector, String>> = LazyLock::new(connector);

/// A connection with TLS over this one; `host` is the name that is asked for.
pub(super) async fn shake_hands<S>(stream: S, host: Option<&str>) -> Result<TlsStream<S>, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connector = CONNECTOR.as_ref().map_err(Clone::clone)?;
    let name = name(host.unwrap_or("localhost"))?;
    connector.connect(name, stream).await.map_err(|error| format!("no TLS handshake: {error}"))
}

/// A host may have a port behind it, which is no part of its name.
fn name(host: &str) -> Result<ServerName<'static>, String> {
    let bare = match (host.strip_prefix('['), host.rsplit_once(':')) {
        (Some(ip), _) => ip.split(']').next().unwrap_or(ip),
        (None, Some((name, port))) if !name.contains(':') && port.bytes().all(|it| it.is_ascii_digit()) => name,
        (None, _) => host,
    };
    ServerName::try_from(bare.to_owned()).map_err(|_| format!("no server can be called {host}"))
}

fn connector() -> Result<TlsConnector, String> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Takes any certificate, as long as the server has its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_part_of_a_name() {
        let text = |host: &str| name(host).expect("a name").to_str().into_owned();
        assert_eq!((text("example.org:8443"), text("example.org")), ("example.org".into(), "example.org".into()));
        assert_eq!((text("[::1]:8443"), text("127.0.0.1:80")), ("::1".into(), "127.0.0.1".into()));
        assert!(name("not a name").is_err());
    }
}
