//! (d) Memory, descriptors and reload time against workers and listeners.

use crate::Session;
use crate::costs::tiny;
use crate::facts;
use crate::master::{Master, Setup};
use crate::plot::Plot;
use crate::stats::Sample;
use crate::table::Table;

/// What a master needs, by its own count, for a worker and for all else.
const DESCRIPTORS_A_WORKER: u64 = 18;
const DESCRIPTORS_BESIDE: u64 = 256;
/// What a tiny worker takes for itself, generously, in KiB; two generations are there at once.
const MEMORY_A_WORKER: u64 = 2 * 3 * 1024;

/// What masters of some size take.
struct Size {
    count: usize,
    memory: Sample,
    own: Sample,
    descriptors: usize,
    serves: Sample,
    gone: Sample,
}

pub(crate) fn measure(session: &mut Session) -> anyhow::Result<()> {
    let most = most_workers()?;
    let workers: Vec<usize> =
        session.of(vec![1, 4, 10, 100, 1000], vec![1, 4, 10]).into_iter().map(|n| n.min(most)).collect();
    let workers = sizes(session, &workers, |count, setup| setup.workers = count as u32)?;
    let listeners =
        sizes(session, &session.of(vec![1, 10, 100, 500], vec![1, 10]), |count, setup| setup.listeners = count)?;
    session.document.show("workers", &table("workers", &workers));
    session.document.show("listeners", &table("listeners", &listeners));
    if let Some(four) = workers.iter().find(|size| size.count == 4) {
        session.bounds.at_most("the master's memory with 4 workers", 5.0, four.memory.median(), "MB");
    }
    let a_worker =
        |count: usize| workers.iter().find(|size| size.count == count).map(|size| size.serves.median() / count as f64);
    if let (Some(few), Some(many)) = (a_worker(100), a_worker(1000)) {
        session.bounds.at_most("reload time a worker, with 1,000 against 100", 1.2, many / few, "times");
    }
    let points =
        |sizes: &[Size], of: fn(&Size) -> f64| sizes.iter().map(|size| (size.count as f64, of(size))).collect();
    let plot = |title, up, of: fn(&Size) -> f64| Plot {
        title,
        across: "workers, listeners",
        up,
        lines: vec![("workers".into(), points(&workers, of)), ("listeners".into(), points(&listeners, of))],
    };
    plot("How long a reload takes", "ms", |size| size.serves.median())
        .draw_logarithmic(session.document.plot("reload-time").as_deref())?;
    plot("The master's memory", "MB", |size| size.memory.median())
        .draw_logarithmic(session.document.plot("memory").as_deref())
}

/// As many as the limits of this machine allow.
fn most_workers() -> anyhow::Result<usize> {
    let (_, hard) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)?;
    let by_descriptors = hard.saturating_sub(DESCRIPTORS_BESIDE) / DESCRIPTORS_A_WORKER;
    let by_memory = facts::available_memory() / MEMORY_A_WORKER;
    Ok(usize::try_from(by_descriptors.min(by_memory))?)
}

fn sizes(session: &Session, counts: &[usize], set: impl Fn(usize, &mut Setup)) -> anyhow::Result<Vec<Size>> {
    counts
        .iter()
        .map(|&count| {
            let [memory, own, serves, gone] = Default::default();
            let mut size = Size { count, memory, own, descriptors: 0, serves, gone };
            // Where the kernel puts the program differs from start to start, and with it what is mapped beside what is used.
            for _ in 0..session.of(if count < 1000 { 5 } else { 1 }, 1) {
                let mut setup = Setup::of(tiny("serve")?);
                set(count, &mut setup);
                size.take(&setup.start()?, session.of(5, 2))?;
            }
            Ok(size)
        })
        .collect()
}

impl Size {
    /// Adds what a master takes after so many reloads.
    fn take(&mut self, master: &Master, reloads: u32) -> anyhow::Result<()> {
        master.promotion()?;
        for _ in 0..reloads {
            let (first, last) = master.reload()?;
            self.serves.push_time(first);
            self.gone.push_time(last);
        }
        let (all, own) = master.memory();
        self.memory.push(all);
        self.own.push(own);
        self.descriptors = master.descriptors();
        Ok(())
    }
}

fn table(what: &str, sizes: &[Size]) -> Table {
    let head = [
        what,
        "memory, MB",
        "of that its own",
        "descriptors",
        "reload: serves after, ms",
        "ms each",
        "old one gone after, ms",
    ];
    let mut table = Table::new(&head);
    for Size { count, memory, own, descriptors, serves, gone } in sizes {
        table.row([
            count.to_string(),
            memory.shown(2),
            format!("{:.2}", own.median()),
            descriptors.to_string(),
            serves.shown(1),
            format!("{:.2}", serves.median() / *count as f64),
            gone.shown(1),
        ]);
    }
    table
}
