//! (b) From SIGHUP to the first answer of the new generation, and to the old one's end, against the program alone from
//! its start to its first answer.

use std::time::{Instant, SystemTime};

use crate::Session;
use crate::alone::Alone;
use crate::master::{Master, Setup};
use crate::plot::Plot;
use crate::program;
use crate::stats::Sample;
use crate::table::Table;
use crate::watch;

pub(crate) fn measure(session: &mut Session) -> anyhow::Result<()> {
    let master = Setup::of([program::example().into_os_string(), "{addresses}".into()]).start()?;
    master.promotion()?;
    let (mut bare, mut first, mut gone) = (Sample::default(), Sample::default(), Sample::default());
    for _ in 0..session.of(100, 5) {
        bare.push_time(Alone::example()?.2);
        reload(&master, &mut first, &mut gone)?;
    }
    let more = first.median() - bare.median();
    session.bounds.at_most("signal to first answer, beyond the program's own start", 2.0, more, "ms");
    let mut table = Table::new(&["from", "to", "ms"]);
    for (from, to, sample) in [
        ("starting the program alone", "its first answer", &bare),
        ("SIGHUP", "the new generation's first answer", &first),
        ("SIGHUP", "the old generation's end, with `--settle 1ms --warm 0s`", &gone),
    ] {
        table.row([from.to_owned(), to.to_owned(), sample.shown(2)]);
    }
    session.document.show("reloads", &table);
    let distribution =
        |sample: &Sample| (0..=50).map(|at| f64::from(at) / 50.0).map(|at| (sample.quantile(at), at * 100.0)).collect();
    let plot = Plot {
        title: "How long a reload takes",
        across: "ms",
        up: "% of reloads that were faster",
        lines: vec![
            ("program alone: start to first answer".into(), distribution(&bare)),
            ("SIGHUP to first answer".into(), distribution(&first)),
            ("SIGHUP to the old one's end".into(), distribution(&gone)),
        ],
    };
    plot.draw(session.document.plot("reloads").as_deref())
}

fn reload(master: &Master, first: &mut Sample, gone: &mut Sample) -> anyhow::Result<()> {
    let old = watch::answer(master.address).unwrap_or_default();
    let (asked, asked_at) = (Instant::now(), SystemTime::now());
    master.hup();
    let answered = watch::first_answer(master.address, |answer| answer != old)?;
    first.push_time(answered - asked);
    gone.push_time(master.gone()?.duration_since(asked_at)?);
    Ok(())
}
