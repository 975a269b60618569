//! What is measured side by side, and how each is started.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, While};
use crate::load::Marks;
use crate::postgres::by_hand::Effect;
use crate::process::{Launch, Server};
use crate::summary::BARE;

/// A server that is measured.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) name: String,
    pub(crate) marks: Marks,
    pub(crate) launch: Launch,
    /// A SQLite file that is made anew for each start.
    pub(crate) anew: Option<PathBuf>,
}

impl Side {
    pub(crate) async fn start(&self, log: &Path) -> Result<Server, Failure> {
        self.anew.as_deref().map_or(Ok(()), remove)?;
        Server::start(&self.launch, log).await
    }
}

/// The programs, and where their files are.
#[derive(Debug)]
pub(crate) struct Place {
    bench: PathBuf,
    service: PathBuf,
    folder: tempfile::TempDir,
}

impl Place {
    /// A folder of its own, that goes away with it, in this one. The order service lies beside this
    /// program, as cargo builds them.
    pub(crate) fn new(dir: &Path) -> Result<Self, Failure> {
        let bench = std::env::current_exe().while_doing("finding this program")?;
        let service = bench.with_file_name(format!("seiriken{}", std::env::consts::EXE_SUFFIX));
        if !service.exists() {
            let beside = service.display();
            return Err(Failure::new(format!(
                "{beside} is not built: cargo build -p seiriken-server"
            )));
        }
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(dir);
        Ok(Self { bench, service, folder: folder.while_doing("making a folder for the files")? })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.file("server.log")
    }

    /// axum alone.
    pub(crate) fn bare(&self) -> Side {
        self.of_bench(BARE, Marks::Nowhere, vec!["bare".to_owned()])
    }

    /// The baseline behind the layer, in memory.
    pub(crate) fn in_memory(&self, name: &str) -> Side {
        self.of_bench(name, Marks::Everywhere, vec!["memory".to_owned()])
    }

    /// The baseline behind the layer, on a SQLite file.
    pub(crate) fn on_sqlite(&self, name: &str, file: &Path) -> Side {
        let arguments = vec!["sqlite".to_owned(), file.display().to_string()];
        self.of_bench(name, Marks::Everywhere, arguments)
    }

    /// The baseline behind the layer, on a database: `postgres` or `redis`, and its address.
    pub(crate) fn on_database(&self, name: &str, store: &str, url: &str) -> Side {
        self.of_bench(name, Marks::Everywhere, vec![store.to_owned(), url.to_owned()])
    }

    /// The order service, on a file or in memory.
    pub(crate) fn service(&self, name: &str, file: Option<&Path>) -> Side {
        match file {
            None => self.service_on(name, "memory:"),
            Some(file) => self.service_on(name, &format!("sqlite:{}", file.display())),
        }
    }

    /// The order service on the store at this address.
    pub(crate) fn service_on(&self, name: &str, store: &str) -> Side {
        let arguments = ["--listen", "127.0.0.1:0", "--store", store].map(str::to_owned);
        let launch = launch(&self.service, arguments.to_vec());
        Side { name: name.to_owned(), marks: Marks::Everywhere, launch, anew: None }
    }

    /// axum and sqlx on this PostgreSQL database, without a library for keys.
    pub(crate) fn by_hand(&self, name: &str, effect: Effect, url: &str) -> Side {
        let effect = match effect {
            Effect::InOneTransaction => "in-one-transaction",
            Effect::Elsewhere => "elsewhere",
        };
        let arguments = ["by-hand", effect, url].map(str::to_owned);
        self.of_bench(name, Marks::Nowhere, arguments.to_vec())
    }

    /// nginx before the service at this address.
    pub(crate) fn behind_nginx(&self, name: &str, upstream: &str) -> Side {
        let folder = self.folder().display().to_string();
        let arguments = vec!["nginx".to_owned(), folder, upstream.to_owned()];
        self.of_bench(name, Marks::Nowhere, arguments)
    }

    /// The least that a proxy on hyper can be, before the service at this address.
    pub(crate) fn behind_plain(&self, name: &str, upstream: &str) -> Side {
        self.of_bench(name, Marks::Nowhere, vec!["plain".to_owned(), upstream.to_owned()])
    }

    /// The proxy before the service at this address, on a store.
    pub(crate) fn behind_proxy(&self, name: &str, upstream: &str, store: &str) -> Side {
        let arguments =
            ["proxy", "--listen", "127.0.0.1:0", "--upstream", upstream, "--store", store];
        let launch = launch(&self.service, arguments.map(str::to_owned).to_vec());
        Side { name: name.to_owned(), marks: Marks::Everywhere, launch, anew: None }
    }

    fn of_bench(&self, name: &str, marks: Marks, mut arguments: Vec<String>) -> Side {
        arguments.insert(0, "serve".to_owned());
        let launch = launch(&self.bench, arguments);
        Side { name: name.to_owned(), marks, launch, anew: None }
    }
}

fn launch(program: &Path, arguments: Vec<String>) -> Launch {
    Launch { program: program.to_owned(), arguments, environment: Vec::new() }
}

/// Removes a file with what SQLite and its store keep beside it.
pub(crate) fn remove(file: &Path) -> Result<(), Failure> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let folder = file.parent().unwrap_or(Path::new("."));
    for entry in fs::read_dir(folder).while_doing("looking for old files")? {
        let entry = entry.while_doing("looking for old files")?;
        let beside = entry.file_name().to_string_lossy().strip_prefix(&*name).map(str::to_owned);
        if beside.is_some_and(|end| end.is_empty() || end.starts_with(['-', '.'])) {
            fs::remove_file(entry.path()).while_doing("removing a file")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_removed_with_what_stands_beside_it_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a.db", "a.db-wal", "a.db.lock", "a.dbx", "b.db"] {
            fs::write(at(name), "").unwrap();
        }
        remove(&at("a.db")).unwrap();
        let left = ["a.db", "a.db-wal", "a.db.lock", "a.dbx", "b.db"].map(|name| at(name).exists());
        assert_eq!(left, [false, false, false, true, true]);
    }
}
