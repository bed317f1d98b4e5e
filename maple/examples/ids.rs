//! Handing out ports: the lowest free one, the next one round the ring, an aligned block, from several threads at once.
//!
//! The tree knows which local TCP ports of this machine are taken (`/proc/net/tcp`, `/proc/net/tcp6`), hands out others from the range that the
//! system uses (`/proc/sys/net/ipv4/ip_local_port_range`), and tries them by binding them. Numbers of processes or open files are the same job.
//!
//! ```text
//! cargo run --release --example ids
//! ```

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this example reads /proc/net/tcp, which only Linux has");
}

#[cfg(target_os = "linux")]
mod linux {
    use maple_tree::{AllocRangeError, Cyclic, MapleTree};
    use std::error::Error;
    use std::io::ErrorKind;
    use std::net::{Ipv4Addr, TcpListener};
    use std::ops::RangeInclusive;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::{self, ScopedJoinHandle};

    /// Who has a port: the rest of the machine, this program's main thread, or one of its workers.
    const SYSTEM: u32 = 0;
    const MAIN: u32 = 1;
    const WORKERS: [u32; 2] = [2, 3];

    type Ports = MapleTree<u32>;
    type Bound = (u64, TcpListener);

    pub(crate) fn run() -> Result<(), Box<dyn Error>> {
        // One port that is taken for certain, to see whether it is found.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (window, ports) = (local_ports()?, Ports::new());
        for entry in procfs::net::tcp()?.into_iter().chain(procfs::net::tcp6().unwrap_or_default()) {
            let port = u64::from(entry.local_address.port());
            ports.store(port..=port, SYSTEM)?;
        }
        assert!(ports.contains(u64::from(listener.local_addr()?.port()), &ports.pin()), "it is in /proc/net/tcp");
        println!("{} local ports are taken; new ones come from {window:?}", ports.iter(&ports.pin()).count());

        let mut ring = Cyclic::new();
        let mut held = (0..4).map(|_| bind_next(&ports, &window, &mut ring)).collect::<Result<Vec<_>, _>>()?;
        println!("bound {:?}", held.iter().map(|(port, _)| port).collect::<Vec<_>>());
        let freed: Vec<u64> = held.drain(..2).map(|(port, _)| port).inspect(|port| drop(ports.erase(*port))).collect();
        held.push(bind_next(&ports, &window, &mut ring)?);
        println!("freed {freed:?}, and got {}", held[2].0);
        assert!(!freed.contains(&held[2].0), "a port that was freed is not given again soon");

        // The last ports of the window, one after the other, and then the lowest free one again.
        let (mut ring, mut around) = (Cyclic::starting_at(window.end() - 2), Vec::new());
        while !ring.wrapped() {
            around.push(ports.alloc_cyclic(window.clone(), &mut ring, MAIN)?);
        }
        println!("round the end: {around:?}");

        let block = ports.alloc_range(64, window.clone(), 64, MAIN)?;
        assert_eq!(ports.get_range(block + 9, &ports.pin()), (block..=block + 63, Some(MAIN)));
        println!("64 in a row, at a multiple of 64: {block}..={}", block + 63);

        from_two_threads(&ports, &window)?;
        println!("two threads took 20,000 ports each at the same time, and none was given twice");
        held.into_iter().map(|(port, _)| port).chain(around).chain([block]).for_each(|port| drop(ports.erase(port)));
        assert!(ports.iter(&ports.pin()).all(|(_, owner)| owner == SYSTEM), "all that was given came back");
        Ok(ports.validate().map(drop)?)
    }

    /// What the system itself takes local ports from.
    fn local_ports() -> Result<RangeInclusive<u64>, Box<dyn Error>> {
        let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")?;
        let (first, last) = text.trim().split_once(char::is_whitespace).ok_or("not a range")?;
        Ok(first.parse()?..=last.trim().parse()?)
    }

    /// The next port round the ring that can really be bound. One that somebody took since the tables were read is noted as theirs.
    fn bind_next(ports: &Ports, window: &RangeInclusive<u64>, ring: &mut Cyclic) -> Result<Bound, Box<dyn Error>> {
        loop {
            let port = ports.alloc_cyclic(window.clone(), ring, MAIN)?;
            match TcpListener::bind((Ipv4Addr::LOCALHOST, u16::try_from(port)?)) {
                Ok(listener) => return Ok((port, listener)),
                Err(taken) if taken.kind() == ErrorKind::AddrInUse => drop(ports.replace(port, SYSTEM)?),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Two threads take ports and give them back. Whoever gets one raises its flag, and sees if it was raised.
    fn from_two_threads(ports: &Ports, window: &RangeInclusive<u64>) -> Result<(), Box<dyn Error>> {
        let flags: Vec<AtomicBool> = (0..=u16::MAX).map(|_| AtomicBool::new(false)).collect();
        let work = |owner: u32| -> Result<usize, AllocRangeError<u32>> {
            let (mut ring, mut held, mut twice) = (Cyclic::new(), Vec::new(), 0);
            for round in 1..=20_000 {
                let port = ports.alloc_cyclic(window.clone(), &mut ring, owner)?;
                // Relaxed: who gets a port took the tree's lock after it was given back.
                twice += usize::from(flags[port as usize].swap(true, Ordering::Relaxed));
                held.push(port);
                if round % 250 == 0 {
                    for port in held.drain(..) {
                        flags[port as usize].store(false, Ordering::Relaxed);
                        ports.erase(port);
                    }
                }
            }
            Ok(twice)
        };
        let workers = thread::scope(|scope| WORKERS.map(|owner| scope.spawn(move || work(owner))).map(ScopedJoinHandle::join));
        for twice in workers {
            assert_eq!(twice.expect("a worker does not panic")?, 0, "a port was given to both");
        }
        Ok(())
    }
}
