//! Areas on the machine's own memory: what they say they stand on is read back from the kernel.
//!
//! Needs root: pages are reserved for the time of a test and given back.

use std::fs::{File, read_to_string, write};
use std::os::fd::AsRawFd;

use portreeve_pages::{Area, AreaError, PageSize, Preference, Request, in_use};

const MIB: usize = 1 << 20;

/// More pages in the reserve, until dropped. One test at a time, of all processes.
struct Reserve {
    path: String,
    more: usize,
    _lock: File,
}

impl Reserve {
    fn more(page: PageSize, more: usize) -> Reserve {
        let lock = File::create(std::env::temp_dir().join("portreeve-reserve.lock"))
            .expect("a lock in the temporary folder");
        // SAFETY: the descriptor is open.
        assert_eq!(unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX) }, 0);
        let path = format!(
            "/sys/kernel/mm/hugepages/hugepages-{}kB/nr_hugepages",
            page.bytes() >> 10
        );
        let reserve = Reserve {
            path,
            more,
            _lock: lock,
        };
        reserve.set(reserve.total() + more);
        reserve
    }

    fn total(&self) -> usize {
        let text = read_to_string(&self.path).expect("the kernel has huge pages");
        text.trim().parse().expect("a number")
    }

    fn set(&self, pages: usize) {
        write(&self.path, pages.to_string()).expect("these tests need root");
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        self.set(self.total().saturating_sub(self.more));
    }
}

fn request(name: &'static str, preference: Preference) -> Request {
    Request {
        preference,
        ..Request::named(name)
    }
}

/// All bytes, through the area's own address.
fn bytes(area: &mut Area) -> &mut [u8] {
    // SAFETY: the area is mapped, readable and writable, for its whole length, and borrowed mutably.
    unsafe { std::slice::from_raw_parts_mut(area.start().as_ptr(), area.len()) }
}

fn zeroed_and_writable(area: &mut Area) {
    let bytes = bytes(area);
    assert!(bytes.iter().step_by(4096).all(|byte| *byte == 0));
    bytes[0] = 1;
    *bytes.last_mut().expect("a byte") = 7;
    assert_eq!((bytes[0], bytes[bytes.len() - 1]), (1, 7));
}

#[test]
fn pages_of_two_megabytes_come_from_the_reserve_and_go_back() {
    let reserve = Reserve::more(PageSize::TwoMegabytes, 32);
    for preference in [
        Preference::TwoMegabytes,
        Preference::Auto,
        Preference::Gigabyte,
    ] {
        // Too little for 1 GiB pages, whatever is preferred.
        let mut area = Area::new(15 * MIB + 5, request("two", preference)).expect("memory");
        assert_eq!(area.page_size(), PageSize::TwoMegabytes, "{preference:?}");
        assert_eq!(area.len(), 16 * MIB);
        assert_eq!(area.start().as_ptr() as usize % (2 * MIB), 0);
        assert_eq!(area.shortfall(), None);
        zeroed_and_writable(&mut area);
        let backing = area.backing().expect("smaps");
        assert_eq!(
            (backing.page_bytes, backing.reserved),
            (2 * MIB, 16 * MIB),
            "{backing:?}"
        );
        let listed = in_use();
        let listed = listed
            .iter()
            .find(|report| report.name == "two")
            .expect("listed");
        assert_eq!((listed.areas, listed.bytes), (1, 16 * MIB));
    }
    assert!(in_use().iter().all(|report| report.name != "two"));
    drop(reserve);
}

#[test]
fn a_descriptor_maps_the_same_memory_elsewhere() {
    let _reserve = Reserve::more(PageSize::TwoMegabytes, 8);
    for (preference, page) in [
        (Preference::TwoMegabytes, 2 * MIB),
        (Preference::Off, 4 * (1 << 10)),
    ] {
        let wish = Request {
            descriptor: true,
            ..request("shared", preference)
        };
        let mut area = Area::new(4 * MIB, wish).expect("memory");
        assert_eq!(area.page_size().bytes(), page);
        bytes(&mut area)[3 * MIB] = 42;
        let descriptor = area.descriptor().expect("it was asked for").as_raw_fd();
        // SAFETY: a new shared mapping at an address of the kernel's choice.
        let other = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                area.len(),
                libc::PROT_READ,
                libc::MAP_SHARED,
                descriptor,
                0,
            )
        };
        assert_ne!(other, libc::MAP_FAILED);
        // SAFETY: inside of the mapping just made; then it is given back.
        unsafe {
            assert_eq!(*other.cast::<u8>().add(3 * MIB), 42);
            libc::munmap(other, area.len());
        }
    }
}

#[test]
fn a_missing_reserve_falls_back_and_says_what_to_type() {
    let free = |name: &str| -> usize {
        let path = format!("/sys/kernel/mm/hugepages/hugepages-2048kB/{name}");
        read_to_string(path)
            .expect("a file")
            .trim()
            .parse()
            .expect("a number")
    };
    // More than the reserve has, whoever uses it.
    let bytes = (free("nr_hugepages") + 64) * 2 * MIB;
    let area = Area::new(bytes, request("wanting", Preference::TwoMegabytes)).expect("memory");
    assert!(!area.page_size().is_reserved());
    let shortfall = area.shortfall().expect("the pages are not there");
    assert_eq!(
        (shortfall.page, shortfall.wanted),
        (PageSize::TwoMegabytes, bytes / (2 * MIB))
    );
    assert!(shortfall.free < shortfall.wanted);
    assert!(
        shortfall
            .to_string()
            .contains("portreeve nic hugepages 2MiB="),
        "{shortfall}"
    );
}

#[test]
fn a_page_of_a_gigabyte_or_the_word_that_there_is_none() {
    let reserve = Reserve::more(PageSize::Gigabyte, 1);
    let mut area = Area::new(1 << 30, request("giga", Preference::Gigabyte)).expect("memory");
    if area.page_size() == PageSize::Gigabyte {
        zeroed_and_writable(&mut area);
        assert_eq!(area.backing().expect("smaps").page_bytes, 1 << 30);
    } else {
        // The machine's memory has no gigabyte in one piece any more.
        let shortfall = area.shortfall().expect("told");
        assert_eq!((shortfall.page, shortfall.wanted), (PageSize::Gigabyte, 1));
    }
    drop(area);
    drop(reserve);
}

#[test]
fn transparent_huge_pages_are_where_the_kernel_says_so() {
    let mut area = Area::new(
        64 * MIB,
        Request {
            prefault: true,
            ..request("transparent", Preference::Transparent)
        },
    )
    .expect("memory");
    zeroed_and_writable(&mut area);
    let backing = area.backing().expect("smaps");
    assert!(backing.resident >= 64 * MIB, "{backing:?}");
    let allowed = read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
        .is_ok_and(|text| !text.contains("[never]"));
    if allowed {
        assert_eq!(area.page_size(), PageSize::Transparent);
        assert_eq!(area.start().as_ptr() as usize % (2 * MIB), 0);
        // With memory in pieces the kernel may find few, but on no machine that runs tests none at all.
        assert!(backing.transparent >= 2 * MIB, "{backing:?}");
    } else {
        assert_eq!(area.page_size(), PageSize::Small);
    }
}

#[test]
fn small_pages_when_asked_for_and_memory_when_touched() {
    let area = Area::new(64 * MIB, request("small", Preference::Off)).expect("memory");
    assert_eq!(
        (area.page_size(), area.shortfall()),
        (PageSize::Small, None)
    );
    let backing = area.backing().expect("smaps");
    assert!(
        backing.transparent == 0 && backing.page_bytes == 4096,
        "{backing:?}"
    );
}

#[test]
fn memory_is_on_the_node_asked_for_and_a_node_that_is_not_there_is_not_told() {
    for (node, got) in [(0, Some(0)), (1_000, None), (100_000, None)] {
        let wish = Request {
            node: Some(node),
            prefault: true,
            ..request("bound", Preference::Off)
        };
        let area = Area::new(MIB, wish).expect("memory");
        let numa = std::path::Path::new("/sys/devices/system/node/node0").exists();
        assert_eq!(area.node(), got.filter(|_| numa));
    }
}

#[test]
fn absurd_sizes_are_errors() {
    for bytes in [usize::MAX, usize::MAX / 4, 1 << 50] {
        let error = Area::new(bytes, Request::named("absurd"))
            .err()
            .expect("no machine has it");
        assert!(error.to_string().starts_with("absurd: "), "{error}");
        assert!(matches!(
            error,
            AreaError::TooLarge { .. } | AreaError::Refused { .. }
        ));
    }
    assert_eq!(
        Area::new(0, Request::named("none")).expect("memory").len(),
        4096
    );
}
