//! What a worker does wrong, by the words in CONDUCT: they come with the release, so that each generation has its own.

/// The words.
pub(crate) struct Conduct {
    words: Vec<String>,
    pub(crate) release: String,
}

impl Conduct {
    pub(crate) fn of_this_process() -> Conduct {
        let words = std::env::var("CONDUCT").unwrap_or_default();
        Conduct {
            words: words.split_whitespace().map(str::to_owned).collect(),
            release: std::env::var("RELEASE").unwrap_or_else(|_| "0".into()),
        }
    }

    fn is(&self, word: &str) -> bool {
        self.words.iter().any(|it| it == word)
    }

    /// `crash`: at once. `exit`: at once, as if all were well. `leave-orphan`: a process that nobody waits for.
    pub(crate) fn before_joining(&self) {
        if self.is("crash") {
            eprintln!("the database of release {} is not there", self.release);
            std::process::exit(9);
        }
        if self.is("exit") {
            println!("there is nothing to do");
            std::process::exit(0);
        }
    }

    /// `crash-late`: with its handles. `hang`: never ready. `wait`: ready when the pipe `gate` is open.
    pub(crate) async fn before_ready(&self) {
        if self.is("crash-late") {
            eprintln!("the migration of release {} fails", self.release);
            std::process::exit(9);
        }
        if self.is("hang") {
            std::future::pending::<()>().await;
        }
        if self.is("wait") {
            let opened = tokio::task::spawn_blocking(|| std::fs::File::open("gate")).await;
            opened.expect("the thread does not panic").expect("there is a pipe `gate`");
        }
    }

    /// It takes connections that the master has accepted.
    pub(crate) fn takes_connections(&self) -> bool {
        self.is("takes")
    }

    /// It ends by itself as soon as it serves.
    pub(crate) fn crashes_when_promoted(&self) -> bool {
        self.is("crash-when-promoted")
    }

    /// It hears neither `drain` nor TERM, and goes on accepting.
    pub(crate) fn is_stubborn(&self) -> bool {
        self.is("stubborn")
    }

    /// It shuts its listener in the end, as runtimes do that wake their accepting threads by that.
    pub(crate) fn shuts_when_draining(&self) -> bool {
        self.is("shut-when-draining")
    }

    /// It leaves a process behind that still serves: in its session (`child`), or in one of its own (`daemon`).
    pub(crate) fn leaves_behind(&self) -> Option<bool> {
        match (self.is("child"), self.is("daemon")) {
            (_, true) => Some(true),
            (true, false) => Some(false),
            (false, false) => None,
        }
    }
}
