#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/disk/helper.hpp"
#include "iscsid/disk/kernel/loop_device.hpp"

namespace iscsid::disk {

// A /dev/loopN that is bound to a file of ours, as long as this object lives. The helper waits for
// it. `when_over` of each limit must end the file's connection: then the kernel's calls end.
class loop_binding {
  public:
    // Takes a free device, with a scan for partitions. Faults: those of bind_loop(), and
    // attach_failed when the LUN did not answer in time; no_answer, helper_failed.
    static iscsi::result<loop_binding>
    make(helper& waiter, const loop_settings& settings, const helper::limit& time);

    // One that an earlier daemon has made with the same settings. Fault: attach_failed when the
    // device is not bound to that file any more.
    static iscsi::result<loop_binding>
    take_over(helper& waiter, const std::string& node, const loop_settings& settings);

    loop_binding(loop_binding&& other) noexcept;
    loop_binding& operator=(loop_binding&&) = delete;
    loop_binding(const loop_binding&) = delete;
    loop_binding& operator=(const loop_binding&) = delete;

    // Unbinds without a flush; whoever still has it open loses it at his last close.
    ~loop_binding();

    const std::string& node() const { return node_; } // "loop3"

    // Whether the device is bound to that file: no other has its path.
    ownership owner() const;

    // Flushes and unbinds, partitions included. Faults: busy (nothing has changed), attach_failed
    // (still bound), flush_failed (unbound all the same); no_answer, helper_failed.
    iscsi::result<void> unbind(std::chrono::milliseconds patience, const helper::limit& time);

    // Takes over the size that the file has now.
    iscsi::result<void> follow_size(const helper::limit& time);

  private:
    loop_binding(helper& waiter, std::string node, loop_settings settings);

    helper* waiter_;
    std::string node_; // empty: moved away or unbound
    std::string backing_file_;
    loop_settings settings_;
};

} // namespace iscsid::disk
