//! `cargo xtask campaign conformance`: published packages under `seiriken check`.
//!
//! Each is installed at its pinned version, put in front of the same handler (`conformance/`) and
//! checked with the same options. The tables go into docs/conformance.md.

mod subject;
mod table;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};

use clap::Args;
use serde_json::Value;

use self::subject::{Language, Subject, TEXTBOOK};
use self::table::{Column, Verdict};
use crate::command::{Command, Failure};
use crate::{packages, target};

const PAGE: &str = "docs/conformance.md";
const MARKS: [&str; 2] =
    ["<!-- tables: cargo xtask campaign conformance -->", "<!-- end of tables -->"];
const BODY: &str = r#"{"itemId":"cake-001","qty":1}"#;
const AGAIN: &str = "cargo xtask campaign conformance";

/// Says of an installed folder what it holds, so that it is not installed again.
const INSTALLED: &str = "installed.txt";

/// What they are checked with.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Checker {
    /// Check with this program instead of one that is built from this tree
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Installs, checks and writes.
pub(crate) fn run(root: &Path, checker: &Checker) -> Result<(), Failure> {
    packages::node(root)?;
    let bench = Bench::new(root, checker)?;
    let mut tables = String::new();
    for language in Language::ALL {
        bench.install(language)?;
        let mut columns = Vec::new();
        for subject in subject::ALL.iter().filter(|subject| subject.language == language) {
            columns.push(bench.column(*subject)?);
        }
        let title = language.title(root)?;
        tables.extend(["### ", &title, "\n\n", &table::written(&columns), "\n"]);
    }
    let page = read(root)?;
    let missing = || Failure::new(format!("{PAGE} has no place for the tables"), AGAIN);
    let page = table::replaced(&page, MARKS, tables.trim_end()).ok_or_else(missing)?;
    fs::write(root.join(PAGE), page).map_err(|error| failed(PAGE, &error))
}

/// What textbooks show is judged as the page says.
pub(crate) fn textbook(root: &Path) -> Result<(), Failure> {
    packages::node(root)?;
    let bench = Bench::new(root, &Checker::default())?;
    bench.install(Language::Node)?;
    let Column { label, verdicts } = bench.column(TEXTBOOK)?;
    let page = read(root)?;
    for Verdict { id, word, detail } in verdicts {
        // A row that says nothing of anybody is left out.
        let stated = table::read(&page, &label, &id).unwrap_or("skip");
        if stated != word {
            let reason = format!("{label}: {id} is {word} ({detail}), and {PAGE} says {stated}");
            return Err(Failure::new(reason, AGAIN));
        }
    }
    Ok(())
}

/// Express is there: for what else is tested with it.
pub(crate) fn express(root: &Path) -> Result<(), Failure> {
    packages::node(root)?;
    install(root, &folder(&target::folder(root)?), Language::Node)
}

/// The program that checks, and the folder with what is checked.
struct Bench<'a> {
    root: &'a Path,
    program: PathBuf,
    folder: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(root: &'a Path, checker: &Checker) -> Result<Self, Failure> {
        let target = target::folder(root)?;
        let program = if let Some(file) = &checker.program {
            file.clone()
        } else {
            target::tested_programs(root)?.join("seiriken")
        };
        Ok(Self { root, program, folder: folder(&target) })
    }

    fn install(&self, language: Language) -> Result<(), Failure> {
        install(self.root, &self.folder, language)
    }

    fn column(&self, subject: Subject) -> Result<Column, Failure> {
        let label = subject.label(self.root)?;
        println!("      {label}");
        let report = self.check(subject)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let requirements = report["requirements"].as_array().into_iter().flatten();
        let verdicts = requirements.map(|found| Verdict {
            id: text(&found["id"]),
            word: text(&found["verdict"]),
            detail: text(&found["detail"]),
        });
        Ok(Column { label, verdicts: verdicts.collect() })
    }

    /// The report. The exit status says only whether something fails, and of most it does.
    fn check(&self, subject: Subject) -> Result<Value, Failure> {
        let (server, url) = self.start(subject)?;
        let orders = format!("{url}/orders");
        let mut check = Process::new(&self.program);
        check.args(["check", &orders, "--body", BODY, "--count", &orders, "/total"]);
        check.args(["--credential", "Authorization: Bearer a", "Authorization: Bearer b"]);
        // A machine that is busy with other things is nothing that a package can help.
        check.args(["--timeout", "60s", "--patience", "60s", "--json"]).stderr(Stdio::inherit());
        let output = check.output().map_err(|error| failed(subject.name, &error))?;
        drop(server);
        serde_json::from_slice(&output.stdout)
            .map_err(|error| failed(subject.name, &io::Error::other(error)))
    }

    /// The server and its address, which is the first line that it prints.
    fn start(&self, subject: Subject) -> Result<(Server, String), Failure> {
        let folder = self.folder.join(subject.language.folder());
        let program = match subject.language {
            Language::Node => "node".into(),
            Language::Python => folder.join("env/bin/python"),
        };
        let path = folder.join("server.log");
        let log = File::create(&path).map_err(|error| failed(subject.name, &error))?;
        let mut command = Process::new(program);
        command.arg(subject.language.files()[1]).args(subject.words()).current_dir(&folder);
        let child = command.stdout(Stdio::piped()).stderr(log).spawn();
        let mut server = Server(child.map_err(|error| failed(subject.name, &error))?);
        let mut line = String::new();
        if let Some(out) = server.0.stdout.take() {
            let read = BufReader::new(out).read_line(&mut line);
            read.map_err(|error| failed(subject.name, &error))?;
        }
        let url = line.trim().strip_prefix("listening on ").ok_or_else(|| {
            let reason = format!("{} does not start: see {}", subject.name, path.display());
            Failure::new(reason, AGAIN)
        })?;
        Ok((server, url.to_owned()))
    }
}

fn folder(target: &Path) -> PathBuf {
    target.join("conformance")
}

/// Installs the packages of a language, where they are not installed in this version.
fn install(root: &Path, below: &Path, language: Language) -> Result<(), Failure> {
    let from = root.join("conformance").join(language.folder());
    let folder = below.join(language.folder());
    let put = |file: &str| fs::copy(from.join(file), folder.join(file));
    fs::create_dir_all(&folder).map_err(|error| failed("installing", &error))?;
    for file in language.files() {
        put(file).map_err(|error| failed(file, &error))?;
    }
    let list = folder.join(language.files()[0]);
    let wanted = fs::read_to_string(list).map_err(|error| failed("installing", &error))?;
    let mark = folder.join(INSTALLED);
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    match language {
        Language::Node => {
            // Scripts of packages have nothing to do here.
            let words = ["install", "--no-audit", "--no-fund", "--ignore-scripts"];
            Command::new("npm", &words).run(&folder)?;
        }
        Language::Python => {
            Command::new("python3", &["-m", "venv", "env"]).run(&folder)?;
            let pip = ["-m", "pip", "install", "--quiet", "-r", "requirements.txt"];
            Command::new("env/bin/python", &pip).run(&folder)?;
        }
    }
    fs::write(mark, wanted).map_err(|error| failed("installing", &error))
}

/// Ends with its value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is gone all the same.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn read(root: &Path) -> Result<String, Failure> {
    fs::read_to_string(root.join(PAGE)).map_err(|error| failed(PAGE, &error))
}

fn failed(what: &str, error: &io::Error) -> Failure {
    Failure::new(format!("{what}: {error}"), AGAIN)
}
