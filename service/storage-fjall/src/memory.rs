//! How much memory this process may use: the machine's, or the container's if that is less.

use std::fs;
use std::path::{Path, PathBuf};

/// What is assumed where neither the machine nor a container says.
const ASSUMED_BYTES: u64 = 1 << 30;

/// Bytes of memory this process may use.
pub fn limit_bytes() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| meminfo_total_bytes(&text));
    let container = container_limit_bytes(Path::new("/sys/fs/cgroup"), Path::new("/proc/self/cgroup"));
    [machine, container].into_iter().flatten().min().unwrap_or(ASSUMED_BYTES)
}

/// The smallest limit on the way from this process's control group up to the root, in either hierarchy.
fn container_limit_bytes(mount: &Path, membership: &Path) -> Option<u64> {
    let membership = fs::read_to_string(membership).unwrap_or_default();
    let unified = membership.lines().find_map(|line| line.strip_prefix("0::"));
    let legacy = membership.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        controllers.split(',').any(|controller| controller == "memory").then_some(path)
    });
    let unified = limits_up_to(mount, unified.unwrap_or("/"), "memory.max");
    let legacy = limits_up_to(&mount.join("memory"), legacy.unwrap_or("/"), "memory.limit_in_bytes");
    unified.into_iter().chain(legacy).min()
}

/// The limits in `file` of the group at `path` and each of its parents.
fn limits_up_to(mount: &Path, path: &str, file: &str) -> Vec<u64> {
    let group: PathBuf = mount.join(path.trim_start_matches('/'));
    group
        .ancestors()
        .take_while(|ancestor| ancestor.starts_with(mount))
        .filter_map(|ancestor| fs::read_to_string(ancestor.join(file)).ok())
        .filter_map(|text| text.trim().parse().ok())
        .collect()
}

fn meminfo_total_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_read_in_kibibytes() {
        assert_eq!(meminfo_total_bytes("MemTotal:        2048 kB\nMemFree: 1 kB\n"), Some(2048 * 1024));
        assert_eq!(meminfo_total_bytes("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn the_tightest_limit_between_the_group_and_the_root_counts() {
        let root = tempfile::tempdir().unwrap();
        let mount = root.path().join("cgroup");
        fs::create_dir_all(mount.join("pod/container")).unwrap();
        fs::write(mount.join("pod/memory.max"), "1000\n").unwrap();
        fs::write(mount.join("pod/container/memory.max"), "max\n").unwrap();
        let membership = root.path().join("membership");
        fs::write(&membership, "0::/pod/container\n").unwrap();
        assert_eq!(container_limit_bytes(&mount, &membership), Some(1000));
        fs::write(mount.join("pod/container/memory.max"), "600\n").unwrap();
        assert_eq!(container_limit_bytes(&mount, &membership), Some(600));
    }

    #[test]
    fn the_older_hierarchy_is_read_too() {
        let root = tempfile::tempdir().unwrap();
        let mount = root.path().join("cgroup");
        fs::create_dir_all(mount.join("memory/box")).unwrap();
        fs::write(mount.join("memory/box/memory.limit_in_bytes"), "5000\n").unwrap();
        let membership = root.path().join("membership");
        fs::write(&membership, "4:cpu,cpuacct:/box\n3:memory:/box\n").unwrap();
        assert_eq!(container_limit_bytes(&mount, &membership), Some(5000));
    }

    #[test]
    fn no_group_means_no_limit() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(container_limit_bytes(&root.path().join("none"), &root.path().join("nor")), None);
    }
}
