//! `seiriken proxy`: puts the keys in front of any HTTP service.
//!
//! Every effect behind it is opaque: what a service has done with a request that it did not answer,
//! nobody here knows. So such a request is never sent again, and its key says so from then on. What
//! certainly never reached the service frees the key.
//!
//! A request goes through these, in this order:
//!
//! 1. `door`: the connection, its deadlines, TLS, HTTP/1.1 or HTTP/2. It is given to a `core`, and stays
//!    there with all its requests.
//! 2. `admit`: one reading of the head, or a refusal.
//! 3. `guards`: the route, and its layer of [`seiriken::http`].
//! 4. `forward`: one request to the upstream, and what its end means.
//! 5. `upstream`: connections, and what is certain about a request that failed.
//!
//! A request that meets an unknown outcome may go the way from 3 twice: `reconcile` asks the service
//! in between.

mod admit;
mod config;
mod core;
mod door;
mod forward;
mod guards;
mod in_flight;
mod made;
mod options;
mod outbound;
mod paced;
mod paths;
mod preset;
mod reconcile;
mod route;
mod sent;
mod serve;
mod stalling;
mod tls;
mod upstream;

pub(crate) use self::config::Config;
pub(crate) use self::options::ProxyOptions;
pub(crate) use self::serve::serve;
