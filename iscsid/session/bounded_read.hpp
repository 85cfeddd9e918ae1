#pragma once

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace iscsid::session {

// Reads of files that may lie anywhere: on a network filesystem that hangs, or on a disk of our own
// that waits for the login which needs the file. Each has a thread of its own and is waited for a
// while; a file that hangs is not read a second time before the first read has ended, so that there
// is one such thread for each at most. May be used from any thread.
class bounded_read {
  public:
    using reading = std::function<iscsi::result<std::string>()>;

    explicit bounded_read(std::chrono::milliseconds patience);

    // What `read` returns; nothing: it hangs. `file` is only a name for it. The function must own
    // what it uses.
    std::optional<iscsi::result<std::string>> run(const std::string& file, reading read);

  private:
    struct shared; // outlives the object, for a thread that hangs

    std::chrono::milliseconds patience_;
    std::shared_ptr<shared> shared_;
};

} // namespace iscsid::session
