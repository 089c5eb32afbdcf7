//! What comes beside a message of a Unix socket: descriptors, and who sent it. Owns the memory where the kernel puts it,
//! and the walk through it; must not know what the message says.

use std::mem;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Memory of this size, from [`space`]. It is zero where the kernel wrote nothing.
#[repr(C, align(8))]
pub(super) struct Beside<const SIZE: usize>([u8; SIZE]);

/// How much memory so many descriptors need, and who sent them.
#[allow(unsafe_code)]
pub(super) const fn space(descriptors: usize) -> usize {
    // SAFETY: CMSG_SPACE is arithmetic.
    let (handles, sender) = unsafe {
        (libc::CMSG_SPACE((descriptors * size_of::<RawFd>()) as u32), libc::CMSG_SPACE(size_of::<libc::ucred>() as u32))
    };
    handles as usize + sender as usize
}

impl<const SIZE: usize> Beside<SIZE> {
    pub(super) fn new() -> Self {
        Beside([0; SIZE])
    }

    /// Where the kernel may write; it closes the descriptors that do not fit.
    pub(super) fn for_kernel(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Takes every descriptor out of it, and who sent them, if the kernel was asked to tell.
    ///
    /// nix does not show any of them when some were cut off, and those would leak: so it is read here.
    #[allow(unsafe_code)]
    #[allow(clippy::unnecessary_cast, reason = "the type of a length depends on the C library")]
    pub(super) fn into_parts(mut self) -> (Vec<OwnedFd>, Option<libc::ucred>) {
        let (mut found, mut sender) = (Vec::new(), None);
        // SAFETY: a message header of zeroes is a valid one.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_control = self.0.as_mut_ptr().cast();
        message.msg_controllen = SIZE as _;
        // SAFETY: the memory is aligned, outlives the walk, and holds what the kernel wrote, then zeroes, which end
        // it; each descriptor in it is open, and owned by nobody else; credentials are as long as they say.
        unsafe {
            let mut header = libc::CMSG_FIRSTHDR(&message);
            while let Some(part) = header.as_ref() {
                let length = (part.cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
                let data = libc::CMSG_DATA(header);
                match (part.cmsg_level, part.cmsg_type) {
                    (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                        for index in 0..length / size_of::<RawFd>() {
                            let number = data.cast::<RawFd>().add(index).read_unaligned();
                            found.push(OwnedFd::from_raw_fd(number));
                        }
                    }
                    (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) if length >= size_of::<libc::ucred>() => {
                        sender = Some(data.cast::<libc::ucred>().read_unaligned());
                    }
                    _ => {}
                }
                header = libc::CMSG_NXTHDR(&message, header);
            }
        }
        (found, sender)
    }
}
