#pragma once

#include "iscsid/os/descriptor.hpp"

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace iscsid::disk {

struct loop_settings {
    int backing_file = -1; // open for what the disk shall do; may be closed afterwards
    std::uint32_t block_size = 512;
    std::uint64_t size = 0; // bytes that the disk must have
    bool read_only = false;
    std::string label; // lo_file_name: whose device this is, 63 bytes are kept
};

// A /dev/loopN with direct I/O to a file, bound as long as this object lives.
class loop_device {
  public:
    // Takes a free device and binds it, with a scan for partitions. Faults: no_loop_device,
    // attach_failed (also when the kernel would not do direct I/O: the page cache would delay
    // errors and double the memory).
    static iscsi::result<loop_device> bind(const loop_settings& settings);

    loop_device(loop_device&& other) noexcept;
    loop_device& operator=(loop_device&&) = delete;
    loop_device(const loop_device&) = delete;
    loop_device& operator=(const loop_device&) = delete;

    // Unbinds; whoever still has it open then loses it at his last close.
    ~loop_device();

    const std::string& node() const { return node_; } // "loop3"

    // Flushes and unbinds, partitions included. Faults: busy (nothing has changed), attach_failed
    // (still bound), flush_failed (unbound all the same).
    iscsi::result<void> unbind(std::chrono::milliseconds patience);

    // Takes over the size that the file behind it has now, and looks for partitions again.
    iscsi::result<void> follow_size() const;

  private:
    explicit loop_device(std::string node);

    iscsi::result<void> verify(const loop_settings& settings) const;

    std::string node_; // empty: moved away or unbound
    std::string backing_file_;
};

// The file behind a loop device as sysfs names it; empty when it is not bound.
std::string backing_file_of(const std::string& node);

// Unbinds a device of a daemon that is no more, without flushing: nobody would answer. One that is
// busy goes when it is closed.
iscsi::result<void> unbind_stale(const std::string& node, std::chrono::milliseconds patience);

// Removes partitions that were added to a device (partx) and outlived its binding.
void delete_partitions(const std::string& node);

} // namespace iscsid::disk
