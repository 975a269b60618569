//! nginx, answering by itself: a service that nobody wrote.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::process::PATIENCE;

/// A running nginx, with a folder of its own. It is killed when this goes away.
pub(crate) struct Nginx {
    _child: Child,
    folder: TempDir,
    pub(crate) url: String,
}

/// What it answers with the fixed statuses.
const STATUSES: [u16; 6] = [200, 204, 402, 418, 500, 503];

/// Debian has it where not everybody looks.
const SCRIPT: &str = "PATH=$PATH:/usr/sbin:/usr/local/sbin
    exec nginx -p \"$0\" -c \"$0/nginx.conf\"";

impl Nginx {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, bytes: &[u8]| {
            let path = folder.path().join("files").join(name);
            std::fs::write(path, bytes).expect("a file");
        };
        std::fs::create_dir(folder.path().join("files")).expect("a folder");
        put("binary", &(0..=255).collect::<Vec<u8>>());
        put("long", &vec![b'x'; 8 << 20]);
        put("chunked", b"one <!--# echo var=\"msec\" --> two");
        // It does not tell which port it got, so it is told one that was free a moment ago.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let settings = settings(folder.path(), &address.to_string());
        std::fs::write(folder.path().join("nginx.conf"), settings).expect("a file");
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a shell");
        let answers = async {
            while TcpStream::connect(address).await.is_err() {
                let ended = child.try_wait().expect("its status");
                assert!(ended.is_none(), "nginx is needed: apt-get install nginx (Debian)");
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, answers).await.expect("nginx listens");
        Self { _child: child, folder, url: format!("http://{address}") }
    }

    /// The targets that were asked for, as nginx has counted them.
    pub(crate) fn seen(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("seen"));
        let log = log.unwrap_or_default();
        log.lines().map(|line| line.trim_end_matches(" HTTP/1.1").to_owned()).collect()
    }
}

/// One process, so that it ends with the test. It answers POST where it would take GET alone: there the
/// file is told by way of an error that is none.
fn settings(folder: &Path, address: &str) -> String {
    let folder = folder.display();
    let mut settings = format!(
        "daemon off;
master_process off;
pid {folder}/pid;
error_log stderr warn;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format target '$request';
    absolute_redirect off;
    access_log {folder}/seen target;
    server {{
        listen {address};
        root {folder}/files;
        default_type application/octet-stream;
        error_page 405 =200 $uri;
        location = /303 {{ return 303 /orders/1; }}
        location = /chunked {{ default_type text/html; ssi on; add_trailer X-Sum 42; }}
        location = /cookies {{
            add_header Set-Cookie a=1;
            add_header Set-Cookie b=2;
            add_header Link </a>;
            add_header Link </b>;
            return 201 made;
        }}
"
    );
    for status in STATUSES {
        let text = if status == 204 { "" } else { " 'nginx at $msec'" };
        let _ = writeln!(
            settings,
            "location = /status/{status} {{ default_type text/plain; return {status}{text}; }}"
        );
    }
    settings + "    }\n}\n"
}
