//! Giving back what is not needed any more.

use std::fs;
use std::io;

/// Lets go of the pages of program text that this process has mapped; those that are needed again come back from the page
/// cache. Reading settings and changing generations take more code than all that a master does while it serves.
#[allow(unsafe_code)]
pub(crate) fn forget_text() -> io::Result<()> {
    for (start, end) in texts(&fs::read_to_string("/proc/self/maps")?) {
        // SAFETY: nobody can write to these pages, so what comes back from the file is what was there.
        let done =
            unsafe { libc::madvise(std::ptr::with_exposed_provenance_mut(start), end - start, libc::MADV_DONTNEED) };
        nix::errno::Errno::result(done)?;
    }
    Ok(())
}

/// Where files are mapped that nobody has ever written to: what is executed, and the constants at a file's beginning. What
/// was relocated can be read only as well, but stands further back.
fn texts(maps: &str) -> Vec<(usize, usize)> {
    let text = |line: &str| {
        let mut words = line.split_whitespace();
        let (range, access) = (words.next()?, words.next()?);
        let (offset, is_file) = (words.next()?, words.nth(1)? != "0");
        let is_pristine = access == "r-xp" || (access == "r--p" && offset.bytes().all(|digit| digit == b'0'));
        let (start, end) = range.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        (is_pristine && is_file).then_some((number(start)?, number(end)?))
    };
    maps.lines().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_written_to_counts() {
        let maps = "\
55d0c0a00000-55d0c0a9c000 r--p 00000000 fe:00 1311 /usr/bin/heirloom
55d0c0a9c000-55d0c0f00000 r-xp 0009c000 fe:00 1311 /usr/bin/heirloom
55d0c0f00000-55d0c0f10000 r--p 00500000 fe:00 1311 /usr/bin/heirloom
55d0c0f10000-55d0c0f40000 rw-p 00500000 fe:00 1311 /usr/bin/heirloom
7ffd5a5f2000-7ffd5a5f4000 r-xp 00000000 00:00 0 [vdso]
";
        let expected = [(0x55d0_c0a0_0000, 0x55d0_c0a9_c000), (0x55d0_c0a9_c000, 0x55d0_c0f0_0000)];
        assert_eq!(texts(maps), expected);
    }

    #[test]
    fn a_process_goes_on_without_its_text() {
        let before = fs::read_to_string("/proc/self/maps").expect("/proc is mounted");
        assert!(!texts(&before).is_empty());
        forget_text().expect("the kernel lets go");
        assert_eq!("still here".len(), 10);
    }
}
