//! A SQLite file that a process has open: asked over a socket beside it.
//!
//! One line of JSON is asked, one is told. Whoever may open the socket may do all of it, so it is its
//! owner's alone (mode 0600), as the file should be.

use std::path::{Path, PathBuf};

use seiriken::store::sqlite::{OpenError, SqliteStore};

use super::Ended;
use super::desk::Desk;
use super::view::chain;

#[cfg(unix)]
pub(crate) use self::unix::Beside;
#[cfg(unix)]
pub(super) use self::unix::Line;

/// Opens a SQLite file, by way of the process that has it where one has.
pub(super) async fn open(path: &Path) -> Result<Desk, Ended> {
    let there = path.canonicalize().map_err(|error| {
        Ended::Failed(format!("there is no store at {}: {error}", path.display()))
    })?;
    #[cfg(unix)]
    if let Some(line) = Line::to(&socket_of(&there)).await {
        return Ok(Desk::Process(line));
    }
    match SqliteStore::open(&there).await {
        Ok(store) => Ok(Desk::Sqlite(store)),
        Err(OpenError::InUse { path }) => Err(Ended::Failed(format!(
            "{} is in use by a process that has no socket beside it to be asked over: stop it first",
            path.display()
        ))),
        Err(error) => Err(Ended::Failed(chain(&error))),
    }
}

fn socket_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".socket");
    name.into()
}

#[cfg(unix)]
mod unix {
    use std::fs::{DirBuilder, Permissions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    use std::path::{Path, PathBuf};

    use seiriken::store::sqlite::SqliteStore;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::Mutex;
    use tokio::task::JoinHandle;

    use super::super::Ended;
    use super::super::desk::{Ask, Desk, Told};
    use super::socket_of;

    /// An answer of 1 MiB, written as the numbers of its bytes, and some room.
    const LINE_MAX: u64 = 64 << 20;

    /// Answers over the socket beside a file, until it is dropped. The file must be ours.
    #[derive(Debug)]
    pub(crate) struct Beside {
        socket: PathBuf,
        answering: JoinHandle<()>,
    }

    impl Beside {
        /// Without it the service runs as well: only `seiriken keys` has to wait for its end.
        pub(crate) fn answer(path: &Path, store: &SqliteStore) -> Option<Self> {
            let bound = path.canonicalize().and_then(|path| {
                let socket = socket_of(&path);
                Ok((bind(&socket)?, socket))
            });
            match bound {
                Ok((listener, socket)) => {
                    let answering = tokio::spawn(answer(listener, store.clone()));
                    Some(Self { socket, answering })
                }
                Err(error) => {
                    tracing::warn!(%error, "no socket beside the store: 'seiriken keys' cannot ask");
                    None
                }
            }
        }
    }

    impl Drop for Beside {
        fn drop(&mut self) {
            self.answering.abort();
            // The next one who has the file removes what could not be removed.
            let _ = std::fs::remove_file(&self.socket);
        }
    }

    /// Made in a folder of its owner's alone, and moved to its place with its mode: at no moment can
    /// anybody else open it.
    fn bind(socket: &Path) -> io::Result<UnixListener> {
        let mut name = socket.as_os_str().to_owned();
        name.push(".d");
        let folder = PathBuf::from(name);
        // What a process left that was killed in the middle.
        let _ = std::fs::remove_dir_all(&folder);
        DirBuilder::new().mode(0o700).create(&folder)?;
        let inside = folder.join("s");
        let bound = UnixListener::bind(&inside).and_then(|listener| {
            std::fs::set_permissions(&inside, Permissions::from_mode(0o600))?;
            std::fs::rename(&inside, socket)?;
            Ok(listener)
        });
        let _ = std::fs::remove_dir_all(&folder);
        bound
    }

    async fn answer(listener: UnixListener, store: SqliteStore) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let desk = Desk::Sqlite(store.clone());
                    tokio::spawn(async move {
                        if let Err(error) = serve(stream, desk).await {
                            tracing::debug!(%error, "an operator's connection ended");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the socket beside the store is closed");
                    return;
                }
            }
        }
    }

    async fn serve(stream: UnixStream, desk: Desk) -> io::Result<()> {
        let (reading, mut writing) = stream.into_split();
        let mut reading = BufReader::new(reading);
        while let Some(line) = read_line(&mut reading).await? {
            let told = match serde_json::from_slice::<Ask>(&line) {
                Ok(ask) => desk.answer(ask).await,
                Err(error) => Told::Failed {
                    why: format!("the process that has the store does not understand: {error}"),
                    in_doubt: false,
                },
            };
            let mut line = serde_json::to_vec(&told)?;
            line.push(b'\n');
            writing.write_all(&line).await?;
        }
        Ok(())
    }

    /// A whole line; `None` at the end.
    async fn read_line(
        reading: &mut (impl AsyncBufReadExt + Unpin),
    ) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        reading.take(LINE_MAX).read_until(b'\n', &mut line).await?;
        match line.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(line)),
            Some(_) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a line was cut short")),
        }
    }

    /// The way to the process that has the file.
    #[derive(Debug)]
    pub(in crate::keys) struct Line(Mutex<BufReader<UnixStream>>);

    impl Line {
        /// Nobody answers where the process has ended and left its socket, or never had one.
        pub(in crate::keys) async fn to(socket: &Path) -> Option<Self> {
            let stream = UnixStream::connect(socket).await.ok()?;
            Some(Self(Mutex::new(BufReader::new(stream))))
        }

        pub(in crate::keys) async fn ask(&self, ask: &Ask) -> Result<Told, Ended> {
            let lost = |error: &io::Error| {
                let why = format!("the process that has the store does not answer: {error}");
                match ask {
                    Ask::Resolve { .. } | Ask::Delete { .. } => Ended::InDoubt(why),
                    Ask::List { .. } | Ask::Show { .. } | Ask::Sweep => Ended::Failed(why),
                }
            };
            let mut line = serde_json::to_vec(ask).map_err(|error| lost(&error.into()))?;
            line.push(b'\n');
            let mut stream = self.0.lock().await;
            stream.get_mut().write_all(&line).await.map_err(|error| lost(&error))?;
            let told = read_line(&mut *stream).await.map_err(|error| lost(&error))?;
            let told = told.ok_or_else(|| lost(&io::ErrorKind::UnexpectedEof.into()))?;
            serde_json::from_slice(&told).map_err(|error| lost(&error.into()))
        }
    }
}

#[cfg(not(unix))]
pub(crate) use self::elsewhere::Beside;
#[cfg(not(unix))]
pub(super) use self::elsewhere::Line;

/// Where there are no such sockets, a file is looked into while nobody has it.
#[cfg(not(unix))]
mod elsewhere {
    use std::path::Path;

    use seiriken::store::sqlite::SqliteStore;

    use super::super::Ended;
    use super::super::desk::{Ask, Told};

    #[derive(Debug)]
    pub(crate) struct Beside;

    impl Beside {
        pub(crate) fn answer(_: &Path, _: &SqliteStore) -> Option<Self> {
            None
        }
    }

    #[derive(Debug)]
    pub(in crate::keys) enum Line {}

    impl Line {
        pub(in crate::keys) async fn ask(&self, _: &Ask) -> Result<Told, Ended> {
            match *self {}
        }
    }
}
