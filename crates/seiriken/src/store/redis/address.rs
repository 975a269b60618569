//! Addresses: of one server, of sentinels, of a cluster.
//!
//! ```text
//! redis://[user:password@]host[:port][/db]                      rediss:// with TLS
//! redis-sentinel://[user:password@]host:port,…/master[/db]      rediss-sentinel://
//! redis-cluster://[user:password@]host:port,…                   rediss-cluster://
//! ```

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use super::error::OpenError;

/// Where the servers are.
#[derive(Debug, Clone)]
pub(super) enum Address {
    One(ConnectionInfo),
    /// The sentinels, what they call the master, and how to speak to it.
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        master: String,
        server: ConnectionInfo,
    },
    /// Some of its nodes: the others are found by asking.
    Cluster(Vec<ConnectionInfo>),
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, OpenError> {
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| refused(text, "it has no scheme"))?;
        let (plain, kind) = scheme.rsplit_once('-').unwrap_or((scheme, ""));
        let connection = |rest: &str| -> Result<ConnectionInfo, OpenError> {
            Ok(format!("{plain}://{rest}").into_connection_info()?)
        };
        match kind {
            "" => Ok(Self::One(connection(rest)?)),
            "cluster" => {
                let (credentials, hosts, path) = split(rest);
                if !path.is_empty() {
                    return Err(refused(text, "a cluster has no databases"));
                }
                let nodes =
                    hosts.split(',').map(|host| connection(&format!("{credentials}{host}")));
                Ok(Self::Cluster(nodes.collect::<Result<_, _>>()?))
            }
            "sentinel" => {
                let (credentials, hosts, path) = split(rest);
                let (master, db) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err(refused(
                        text,
                        "it does not say what the sentinels call the master",
                    ));
                }
                // The credentials are the server's: sentinels have their own, or none.
                let sentinels = hosts.split(',').map(connection).collect::<Result<Vec<_>, _>>()?;
                let first = hosts.split(',').next().unwrap_or_default();
                let server = connection(&format!("{credentials}{first}/{db}"))?;
                Ok(Self::Sentinel { sentinels, master: master.to_owned(), server })
            }
            _ => Err(refused(text, "the scheme is not known")),
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// With the certificates that are trusted instead of the operating system's.
    #[cfg(feature = "redis-tls")]
    pub(super) fn trusting(mut self, certificates: Option<&[u8]>) -> Result<Self, OpenError> {
        let Some(certificates) = certificates else { return Ok(self) };
        let trust = |info: &mut ConnectionInfo| -> Result<(), OpenError> {
            let root_cert = Some(certificates.to_vec());
            let trusted = redis::TlsCertificates { client_tls: None, root_cert };
            let client = redis::Client::build_with_tls(info.clone(), trusted)?;
            *info = client.get_connection_info().clone();
            Ok(())
        };
        match &mut self {
            Self::One(info) => trust(info)?,
            Self::Sentinel { sentinels, server, .. } => {
                sentinels.iter_mut().try_for_each(trust)?;
                trust(server)?;
            }
            Self::Cluster(nodes) => nodes.iter_mut().try_for_each(trust)?,
        }
        Ok(self)
    }

    #[cfg(not(feature = "redis-tls"))]
    #[expect(clippy::unnecessary_wraps, reason = "as where there is TLS")]
    pub(super) fn trusting(self, _: Option<&[u8]>) -> Result<Self, OpenError> {
        Ok(self)
    }
}

/// The same way to speak, to another server.
pub(super) fn at(info: &ConnectionInfo, host: &str, port: u16) -> ConnectionInfo {
    let address = match info.addr() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
            host: host.to_owned(),
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        },
        _ => ConnectionAddr::Tcp(host.to_owned(), port),
    };
    info.clone().set_addr(address)
}

/// `host:port` of a server, and of an IPv6 address without its brackets.
pub(super) fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    Some((host.trim_start_matches('[').trim_end_matches(']'), port.parse().ok()?))
}

/// Credentials with their `@`, hosts, and what follows the slash.
fn split(rest: &str) -> (&str, &str, &str) {
    let (credentials, rest) = rest.rfind('@').map_or(("", rest), |at| rest.split_at(at + 1));
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    (credentials, hosts, path)
}

/// Names the address without what stands before its hosts: that may be a password.
fn refused(text: &str, why: &'static str) -> OpenError {
    let hosts = text.rsplit('@').next().unwrap_or_default();
    OpenError::Address { address: hosts.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(infos: &[ConnectionInfo]) -> Vec<String> {
        infos.iter().map(|info| info.addr().to_string()).collect()
    }

    #[test]
    fn one_server_some_sentinels_and_a_cluster() {
        let Ok(Address::One(one)) = Address::parse("redis://ann:secret@shop:7000/2") else {
            panic!("one server")
        };
        assert_eq!(one.addr().to_string(), "shop:7000");
        assert_eq!((one.redis_settings().username(), one.redis_settings().db()), (Some("ann"), 2));
        let Ok(Address::Cluster(nodes)) = Address::parse("redis-cluster://:pw@a:1,b:2") else {
            panic!("a cluster")
        };
        assert_eq!(hosts(&nodes), ["a:1", "b:2"]);
        assert!(nodes.iter().all(|node| node.redis_settings().password() == Some("pw")));
        let Ok(Address::Sentinel { sentinels, master, server }) =
            Address::parse("redis-sentinel://:pw@a:1,b:2/keys/3")
        else {
            panic!("sentinels")
        };
        assert_eq!(
            (hosts(&sentinels), master.as_str()),
            (vec!["a:1".into(), "b:2".into()], "keys")
        );
        assert_eq!(
            (server.redis_settings().password(), server.redis_settings().db()),
            (Some("pw"), 3)
        );
        assert!(sentinels.iter().all(|sentinel| sentinel.redis_settings().password().is_none()));
    }

    #[test]
    fn what_is_refused_is_named_without_its_password() {
        for address in
            ["redis-nothing://:pw@a:1", "redis-cluster://:pw@a:1/2", "redis-sentinel://:pw@a:1"]
        {
            let Err(error @ OpenError::Address { .. }) = Address::parse(address) else {
                panic!("{address} is refused")
            };
            assert!(!error.to_string().contains("pw"), "{error}");
        }
    }
}
