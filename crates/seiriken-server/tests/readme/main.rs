//! The README's walk through the order service, done as it says, once for each shell it speaks to,
//! and the exercises.
//!
//! The lines for a Unix shell are run by one. Those for `cmd` are split as `cmd` and a C program
//! would, and given to the same `curl`. Those for PowerShell are read and turned into the request
//! that they describe: there is no PowerShell here to run them.

mod page;
mod powershell;
mod service;
mod windows;

use std::process::{Command, Stdio};

use page::Block;
use service::Service;

/// What a step is typed into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Console {
    Unix,
    Cmd,
    PowerShell,
}

impl Console {
    fn language(self) -> &'static str {
        match self {
            Self::Unix => "sh",
            Self::Cmd => "bat",
            Self::PowerShell => "powershell",
        }
    }

    /// Runs a block and answers what it prints.
    fn run(self, code: &str, service: &Service) -> String {
        let code = code.replace("localhost:3000", service.address());
        match self {
            Self::Unix => output(Command::new("bash").args(["-c", &code])),
            Self::Cmd => {
                let arguments = windows::arguments(&code);
                assert_eq!(arguments[0], "curl.exe", "{code}");
                output(Command::new("curl").arg("-s").args(&arguments[1..]))
            }
            Self::PowerShell => powershell::run(&code, |arguments| {
                output(Command::new("curl").arg("-si").args(arguments))
            }),
        }
    }
}

fn output(command: &mut Command) -> String {
    let command = command.stdin(Stdio::null());
    let output = command.output().expect("bash and curl are installed");
    let printed = String::from_utf8(output.stdout).expect("the answers are text");
    // A body ends without a line break; the next answer begins on the same line.
    printed.replace('\r', "").replace("}HTTP/", "}\nHTTP/").replace("}{", "}\n{")
}

/// Walks through a section, taking the block for `shell` where a step has one.
fn walk(page: &str, section: &str, shell: Console) -> usize {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let mut service = Service::start(directory.path(), &[]);
    let mut step: Vec<Block> = Vec::new();
    let mut checked = 0;
    for block in page::blocks(page, section) {
        let command = block.code.strip_prefix("cargo run --release -- ");
        let command =
            command.filter(|words| ["send ", "check "].iter().any(|c| words.starts_with(c)));
        if let Some(words) = command {
            let code = format!("{} {words}", env!("CARGO_BIN_EXE_seiriken"));
            step.push(Block { code, ..block });
        } else if let Some(arguments) = block.code.strip_prefix("cargo run --release") {
            service.kill();
            let arguments: Vec<&str> = arguments.split_whitespace().skip(1).collect();
            service = Service::start(directory.path(), &arguments);
        } else if block.language == "text" {
            let of = |shell: Console| step.iter().find(|block| block.language == shell.language());
            let (typed_into, typed) = of(shell)
                .map(|block| (shell, block))
                .or_else(|| of(Console::Unix).map(|block| (Console::Unix, block)))
                .expect("every step has a line for a Unix shell");
            let printed = typed_into.run(&typed.code, &service);
            page::assert_shows(&printed, &block.code, &typed.code);
            checked += 1;
            step.clear();
        } else if block.language != "ts" {
            step.push(block);
        }
    }
    checked
}

const README: &str = include_str!("../../../../README.md");

#[test]
fn in_a_unix_shell() {
    assert_eq!(walk(README, "## Try it", Console::Unix), 10);
}

#[test]
fn in_cmd() {
    assert_eq!(walk(README, "## Try it", Console::Cmd), 10);
}

#[test]
fn in_powershell() {
    assert_eq!(walk(README, "## Try it", Console::PowerShell), 10);
}

#[test]
fn the_exercises() {
    let page = include_str!("../../../../docs/learn.md");
    assert_eq!(walk(page, "## The exercises", Console::Unix), 6);
}
