//! nginx as somebody sets it who wants a request passed through as quickly as it can.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, While};

/// It is given the socket that it listens on, as one nginx hands it to the next; as its standard input it
/// would close it.
const SCRIPT: &str = "exec 7<&0 </dev/null; exec nginx -p \"$0\" -c \"$0/nginx.conf\"";

/// Says where nginx listens, and becomes it. Its files lie in this folder.
pub fn become_one(folder: &Path, upstream: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").while_doing("listening")?;
    // nginx takes it as it is, and a worker that waits for a connection would serve none.
    listener.set_nonblocking(true).while_doing("listening")?;
    let address = listener.local_addr().while_doing("listening")?;
    let settings = settings(folder, address, upstream.trim_start_matches("http://"));
    fs::write(folder.join("nginx.conf"), settings).while_doing("writing the settings of nginx")?;
    println!("listening on http://{address}");
    let mut nginx = Command::new("sh");
    nginx.args(["-c", SCRIPT]).arg(folder).env("NGINX", "7;");
    let why = nginx.stdin(Stdio::from(OwnedFd::from(listener))).exec();
    Err(Failure::new(format!("starting a shell: {why}")))
}

/// Connections on both sides stay open, nothing is logged, and nothing is sent twice.
fn settings(folder: &Path, address: SocketAddr, upstream: &str) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    access_log off;
    keepalive_requests 1000000000;
    tcp_nodelay on;
    upstream service {{
        server {upstream};
        keepalive 128;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_next_upstream off;
        }}
    }}
}}
"
    )
}
