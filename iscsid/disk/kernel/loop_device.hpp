#pragma once

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// What is done with /dev/loopN. All but backing_file_of() waits for the kernel, which waits for the
// file behind the device: never in the process that serves that file.
namespace iscsid::disk {

struct loop_settings {
    std::string file; // its path; lo_file_name shows the first 63 bytes of it
    std::uint32_t block_size = 512;
    std::uint64_t size = 0; // bytes that the disk must have
    bool read_only = false;
    std::uint32_t read_ahead = 0; // bytes; 0: the kernel's default
};

// Takes a free device and binds it to the file with direct I/O and a scan for partitions; gives its
// name ("loop3"). Faults: no_loop_device, attach_failed (also when the kernel would not do direct
// I/O: the page cache would delay errors and double the memory). Nothing stays bound then.
iscsi::result<std::string> bind_loop(const loop_settings& settings);

// Flushes, if it is to, and unbinds, partitions included. A device that is not bound to that file
// any more is somebody else's, and is left alone. One that is in use is asked again until
// `patience` is over: others look at devices for a moment (udev, blkid). Faults: busy (nothing has
// changed), attach_failed (still bound), flush_failed (unbound all the same).
iscsi::result<void> unbind_loop(
    const std::string& node,
    const std::string& backing_file,
    bool flush,
    std::chrono::milliseconds patience
);

// Unbinds without flushing; whoever still has it open loses it at his last close.
void release_loop(const std::string& node, const std::string& backing_file);

// Takes over the size that the file behind it has now. Faults: attach_failed, cannot_resize.
iscsi::result<void> resize_loop(const std::string& node, const std::string& file, bool read_only);

// The file behind a loop device as sysfs names it; empty when it is not bound.
std::string backing_file_of(const std::string& node);

// The loop devices that the kernel has, bound or not.
std::vector<std::string> loop_nodes();

// Removes partitions that were added to a device (partx) and outlived its binding.
void delete_partitions(const std::string& node);

} // namespace iscsid::disk
