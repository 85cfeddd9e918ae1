#pragma once

#include "iscsid/os/descriptor.hpp"

#include <span>
#include <string>

namespace iscsid::sys {

// journald's socket for lines with fields (systemd's Native Journal Protocol). libsystemd waits for
// room in it. We must not: what journald writes may be on a disk of ours, and then it waits for us.
class journal_socket {
  public:
    explicit journal_socket(std::string path = "/run/systemd/journal/socket")
        : path_(std::move(path)) {}

    // Each field is "NAME=value". False: it was not taken, because nobody listens or there is no
    // room. Never waits.
    bool send(std::span<const std::string> fields);

  private:
    std::string path_;
    os::descriptor socket_;
};

} // namespace iscsid::sys
