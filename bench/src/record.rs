//! What is kept of a run below `docs/`: all rounds as JSON, the picture, and the tables on the pages.
//! The last two are made from the first, so that nobody copies a figure by hand.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::benchmark::Benchmark;
use crate::failure::{Failure, While};
use crate::page;
use crate::results::Results;

/// Where the documents lie.
#[derive(Debug)]
pub(crate) struct Record {
    docs: PathBuf,
}

impl Record {
    pub(crate) fn new(docs: &Path) -> Self {
        Self { docs: docs.to_owned() }
    }

    fn file(&self, benchmark: Benchmark, end: &str) -> PathBuf {
        self.docs.join("performance").join(format!("{}.{end}", benchmark.name()))
    }

    /// The pages that have parts made from results.
    fn pages(&self) -> [PathBuf; 2] {
        ["performance.md", "stores.md"].map(|page| self.docs.join(page))
    }

    /// Keeps the results, and draws everything anew.
    pub(crate) fn keep(&self, benchmark: Benchmark, results: &Results) -> Result<(), Failure> {
        let path = self.file(benchmark, "json");
        let folder = path.parent().unwrap_or(&self.docs);
        fs::create_dir_all(folder).while_doing("making a folder for the results")?;
        fs::write(&path, json(results)?).while_doing("writing the results")?;
        self.draw()
    }

    /// The latest results of all benchmarks that have been kept.
    fn kept(&self) -> Result<Vec<(Benchmark, Results)>, Failure> {
        let mut kept = Vec::new();
        for &benchmark in Benchmark::all() {
            let path = self.file(benchmark, "json");
            if path.exists() {
                let text = fs::read_to_string(&path).while_doing("reading results")?;
                let results = serde_json::from_str(&text);
                kept.push((benchmark, results.while_doing(&path.display().to_string())?));
            }
        }
        Ok(kept)
    }

    /// Makes the pictures and the tables from the results that are there.
    pub(crate) fn draw(&self) -> Result<(), Failure> {
        for (path, text) in self.drawn()? {
            fs::write(&path, text).while_doing(&format!("writing {}", path.display()))?;
        }
        Ok(())
    }

    /// Each file that is made from results, and what has to be in it.
    fn drawn(&self) -> Result<Vec<(PathBuf, String)>, Failure> {
        let kept = self.kept()?;
        let picture = |(benchmark, results): &(Benchmark, Results)| {
            (self.file(*benchmark, "svg"), benchmark.picture(results).svg())
        };
        let mut drawn: Vec<_> = kept.iter().map(picture).collect();
        for path in self.pages() {
            let page = fs::read_to_string(&path);
            let page = page.while_doing(&format!("reading {}", path.display()))?;
            drawn.push((path, page::filled(&page, &kept)?));
        }
        Ok(drawn)
    }
}

/// Each round in a line of its own, so that it can be read, and a change of it seen.
fn json(results: &Results) -> Result<String, Failure> {
    let head = Results { quantities: Vec::new(), samples: Vec::new(), ..results.clone() };
    let text = serde_json::to_string_pretty(&head).while_doing("writing results")?;
    let text = text
        .replace("\"quantities\": []", &format!("\"quantities\": {}", lines(&results.quantities)?))
        .replace("\"samples\": []", &format!("\"samples\": {}", lines(&results.samples)?));
    Ok(text + "\n")
}

fn lines<T: Serialize>(rows: &[T]) -> Result<String, Failure> {
    let rows: Result<Vec<_>, _> = rows.iter().map(serde_json::to_string).collect();
    let rows = rows.while_doing("writing results")?;
    Ok(if rows.is_empty() {
        "[]".to_owned()
    } else {
        format!("[\n    {}\n  ]", rows.join(",\n    "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::sample;

    /// Of this very checkout.
    fn committed() -> Record {
        Record::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs"))
    }

    #[test]
    fn what_is_committed_is_what_the_results_give() {
        let drawn = committed().drawn().unwrap();
        assert!(drawn.len() > 1, "there are results");
        for (path, due) in drawn {
            let found = fs::read_to_string(&path).unwrap_or_default();
            let same = found == due;
            assert!(same, "{}: run `cargo xtask bench draw`", path.display());
        }
    }

    #[test]
    fn every_picture_of_the_page_has_its_results() {
        let record = committed();
        for picture in fs::read_dir(record.docs.join("performance")).unwrap() {
            let picture = picture.unwrap().path();
            let results = picture.with_extension("json");
            assert!(
                picture.extension().is_some_and(|end| end != "svg") || results.exists(),
                "{}",
                picture.display()
            );
        }
    }

    #[test]
    fn results_are_kept_as_they_are() {
        let mut results = Results { keys: 7, ..Results::default() };
        results.samples = vec![sample(1, "a", 2.5, 3.0), sample(2, "a", 2.5, 3.0)];
        results.measured("open", "ms", 1.5);
        let text = json(&results).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), results);
        assert_eq!(text.matches("\n    {\"round\"").count(), 2);
    }
}
