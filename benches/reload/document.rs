//! docs/benchmarks.md: tables go between its markers, plots beside it.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::table::Table;

/// The document; what is put into it is printed too.
pub(crate) struct Document {
    text: String,
    /// A short look leaves no traces.
    kept: bool,
}

impl Document {
    pub(crate) fn read(kept: bool) -> anyhow::Result<Document> {
        let text = fs::read_to_string(path()).context("cannot read docs/benchmarks.md")?;
        Ok(Document { text, kept })
    }

    /// Prints a table, and puts it between `<!-- NAME -->` and `<!-- end -->`.
    pub(crate) fn show(&mut self, name: &str, table: &Table) {
        println!("{}", table.text());
        self.put(name, table);
    }

    pub(crate) fn put(&mut self, name: &str, table: &Table) {
        match self.place(name) {
            Some(place) => self.text.replace_range(place, &format!("\n{}\n", table.markdown())),
            None => eprintln!("docs/benchmarks.md has no place for {name}"),
        }
    }

    /// Leaves the rows that are there and not in the table.
    pub(crate) fn update(&mut self, name: &str, table: &Table) {
        let before = self.place(name).map_or_else(|| table.clone(), |place| Table::parse(&self.text[place]));
        self.put(name, &before.with(table));
    }

    fn place(&self, name: &str) -> Option<Range<usize>> {
        let marker = format!("<!-- {name} -->\n");
        let begin = self.text.find(&marker)? + marker.len();
        Some(begin..begin + self.text[begin..].find("<!-- end -->")?)
    }

    /// Where a plot goes; nowhere in a short look.
    pub(crate) fn plot(&self, name: &str) -> Option<PathBuf> {
        self.kept.then(|| path().with_extension("").join(format!("{name}.svg")))
    }

    pub(crate) fn write(&self) -> anyhow::Result<()> {
        if self.kept {
            fs::write(path(), &self.text).context("cannot write docs/benchmarks.md")?;
            eprintln!("written to docs/benchmarks.md");
        }
        Ok(())
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md")
}
