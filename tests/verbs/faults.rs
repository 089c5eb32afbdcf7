//! Every way in which a release can be bad, and what whoever asked for it is told.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::test_worker;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    CrashesAtOnce,
    CrashesLate,
    ExitsWell,
    Hangs,
    HasNoInterpreter,
    IsHalfWritten,
    IsMissing,
    IsNotExecutable,
    HasBrokenVariables,
}

use Fault::*;

pub(crate) const ALL: [Fault; 9] = [
    CrashesAtOnce,
    CrashesLate,
    ExitsWell,
    Hangs,
    HasNoInterpreter,
    IsHalfWritten,
    IsMissing,
    IsNotExecutable,
    HasBrokenVariables,
];

impl Fault {
    /// Puts the release in place: `program` and `env`.
    pub(crate) fn deploy(self, place: &Path) {
        let (conduct, rest) = match self {
            CrashesAtOnce => ("crash", ""),
            CrashesLate => ("crash-late", ""),
            ExitsWell => ("exit", ""),
            Hangs => ("hang", ""),
            HasBrokenVariables => ("", "this is no variable\n"),
            HasNoInterpreter | IsHalfWritten | IsMissing | IsNotExecutable => ("", ""),
        };
        fs::write(place.join("env"), format!("RELEASE=bad\nCONDUCT={conduct}\n{rest}")).expect("a file");
        let program = place.join("program");
        let _ = fs::remove_file(&program); // unless the last release was without
        match self {
            CrashesAtOnce | CrashesLate | ExitsWell | Hangs | HasBrokenVariables => {
                symlink(test_worker(), &program).expect("a symlink");
            }
            HasNoInterpreter => file(&program, b"#!/no/such/interpreter\n", 0o755),
            IsHalfWritten => {
                let whole = fs::read(test_worker()).expect("it is there");
                file(&program, &whole[..4096], 0o755);
            }
            IsNotExecutable => file(&program, b"#!/bin/sh\n", 0o644),
            IsMissing => {}
        }
    }

    /// What the reason says.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            CrashesAtOnce | CrashesLate => "exited with status 9 before it was promoted",
            ExitsWell => "exited with status 0 before it was promoted",
            Hangs => "was not ready within 0.5 s (ready_grace)",
            HasNoInterpreter => "could not be started: ",
            // Where the kernel notices depends on what is missing.
            IsHalfWritten => "the worker in slot ",
            IsMissing => "cannot open the program",
            IsNotExecutable => "is not executable: chmod +x it",
            HasBrokenVariables => "cannot read the environment file",
        }
    }

    /// The step that fails.
    pub(crate) fn step(self) -> &'static str {
        match self {
            CrashesAtOnce | CrashesLate | ExitsWell | Hangs | HasNoInterpreter | IsHalfWritten => "ready",
            IsMissing | IsNotExecutable | HasBrokenVariables => "release",
        }
    }

    /// What the worker wrote last.
    pub(crate) fn last_line(self) -> Option<&'static str> {
        match self {
            CrashesAtOnce => Some("the database of release bad is not there"),
            CrashesLate => Some("the migration of release bad fails"),
            ExitsWell => Some("there is nothing to do"),
            Hangs | HasNoInterpreter | IsHalfWritten | IsMissing | IsNotExecutable | HasBrokenVariables => None,
        }
    }
}

fn file(path: &Path, text: &[u8], mode: u32) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
}
