//! How much memory is free: the machine's, within the limits of a container and of the process where
//! there are any.
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Bytes of memory that are free to this process; unknown on systems that do not tell.
pub fn free() -> Option<usize> {
    free_under(Path::new("/"))
}

/// The same with another root of the file system.
fn free_under(root: &Path) -> Option<usize> {
    let machine = read_to_string(root.join("proc/meminfo")).ok();
    let machine = machine.and_then(|text| {
        let line = text
            .lines()
            .find(|line| line.starts_with("MemAvailable:"))?;
        let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kilobytes * 1024)
    });
    let groups = read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mounts = root.join("sys/fs/cgroup");
    let of_groups = groups.lines().filter_map(|line| {
        // `0::/path` of version 2, `5:memory:/path` of version 1.
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        match controllers {
            "" => group(&mounts, path, &VERSION_2),
            _ if controllers.split(',').any(|name| name == "memory") => {
                group(&mounts.join("memory"), path, &VERSION_1)
            }
            _ => None,
        }
    });
    let of_process = of_process(root);
    machine.into_iter().chain(of_groups).chain(of_process).min()
}

/// What the limits of the process leave (`ulimit -v` and `-d`): the kernel counts addresses that were
/// asked for, used or not, so this is less than what is truly left.
fn of_process(root: &Path) -> Option<usize> {
    /// The names of a limit in bytes, and of what counts against it in kilobytes.
    const LIMITS: [(&str, &str); 2] = [
        ("Max address space", "VmSize:"),
        ("Max data size", "VmData:"),
    ];
    let limits = read_to_string(root.join("proc/self/limits")).ok()?;
    let status = read_to_string(root.join("proc/self/status")).ok()?;
    let number = |text: &str, name: &str| -> Option<usize> {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        // `unlimited` is no number: no limit.
        rest.split_whitespace().next()?.parse().ok()
    };
    let left = LIMITS.iter().filter_map(|(limit, used)| {
        let limit = number(&limits, limit)?;
        Some(limit.saturating_sub(number(&status, used)? * 1024))
    });
    left.min()
}

/// The files of a control group that name its limit and what is used, and the lines of `memory.stat`
/// that name what of that gives way: the kernel's cache of files.
struct Files {
    limit: &'static str,
    used: &'static str,
    cache: &'static [&'static str],
}

const VERSION_2: Files = Files {
    limit: "memory.max",
    used: "memory.current",
    cache: &["active_file", "inactive_file", "slab_reclaimable"],
};

const VERSION_1: Files = Files {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cache: &["total_active_file", "total_inactive_file"],
};

/// What is free in a control group and in all that it is a part of; nothing where none has a limit.
fn group(mount: &Path, path: &str, files: &Files) -> Option<usize> {
    let number = |path: PathBuf| read_to_string(path).ok()?.trim().parse::<usize>().ok();
    // A container may see its own group at the mount's root, under the name that it has outside.
    let whole = mount.join(path.trim_start_matches('/'));
    let levels = whole
        .ancestors()
        .take_while(|level| level.starts_with(mount));
    let free = levels.filter_map(|level| {
        // `max` is no number: no limit.
        let limit = number(level.join(files.limit))?;
        let used = number(level.join(files.used))?;
        let stat = read_to_string(level.join("memory.stat")).unwrap_or_default();
        let cached = stat.lines().filter_map(|line| {
            let (name, value) = line.split_once(' ')?;
            let is_cache = files.cache.contains(&name);
            is_cache.then(|| value.parse::<usize>().ok()).flatten()
        });
        let cached: usize = cached.sum();
        Some(limit.saturating_sub(used.saturating_sub(cached)))
    });
    free.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root of a file system with these files.
    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        root
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    8000 kB\n");

    #[test]
    fn the_machine_alone() {
        let free = |files: &[_]| free_under(root(files).path());
        assert_eq!(free(&[]), None);
        assert_eq!(free(&[MACHINE]), Some(8_192_000));
        let no_limit = [
            MACHINE,
            ("proc/self/cgroup", "0::/a\n"),
            ("sys/fs/cgroup/a/memory.max", "max\n"),
            ("sys/fs/cgroup/a/memory.current", "5\n"),
        ];
        assert_eq!(free(&no_limit), Some(8_192_000));
    }

    #[test]
    fn the_limits_of_the_process() {
        let status = (
            "proc/self/status",
            "VmSize:\t  2000 kB\nVmData:\t  1000 kB\n",
        );
        let limits = |address_space: &str, data: &str| {
            format!(
                "Limit            Soft Limit  Hard Limit  Units\n\
                 Max data size    {data}  unlimited  bytes\n\
                 Max address space    {address_space}  unlimited  bytes\n"
            )
        };
        let free = |address_space: &str, data: &str| {
            let limits = limits(address_space, data);
            free_under(root(&[MACHINE, status, ("proc/self/limits", &limits)]).path())
        };
        assert_eq!(free("unlimited", "unlimited"), Some(8_192_000));
        assert_eq!(free("5000000", "unlimited"), Some(5_000_000 - 2_048_000));
        assert_eq!(free("5000000", "3000000"), Some(3_000_000 - 1_024_000));
        assert_eq!(free("1000", "unlimited"), Some(0));
    }

    #[test]
    fn the_narrowest_group_of_version_2() {
        let files = [
            MACHINE,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/memory.max", "5000000\n"),
            ("sys/fs/cgroup/a/b/memory.current", "1000000\n"),
            ("sys/fs/cgroup/a/memory.max", "4000000\n"),
            ("sys/fs/cgroup/a/memory.current", "3000000\n"),
            (
                "sys/fs/cgroup/a/memory.stat",
                "anon 7\ninactive_file 300000\nactive_file 150000\nslab_reclaimable 50000\n",
            ),
        ];
        assert_eq!(free_under(root(&files).path()), Some(1_500_000));
    }

    #[test]
    fn a_container_of_version_1_that_is_called_otherwise_outside() {
        let files = [
            MACHINE,
            (
                "proc/self/cgroup",
                "4:cpu:/x\n3:memory,hugetlb:/docker/7f\n0::/\n",
            ),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "2500000\n"),
            (
                "sys/fs/cgroup/memory/memory.stat",
                "inactive_file 9\ntotal_inactive_file 350000\ntotal_active_file 250000\n",
            ),
        ];
        assert_eq!(free_under(root(&files).path()), Some(100_000));
        // Without a limit the kernel writes a huge number.
        let huge = (
            "sys/fs/cgroup/memory/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        let files = [files[0], files[1], huge, files[3]];
        assert_eq!(free_under(root(&files).path()), Some(8_192_000));
    }
}
