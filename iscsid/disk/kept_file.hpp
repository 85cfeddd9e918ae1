#pragma once

#include "iscsid/os/descriptor_store.hpp"

#include "libiscsi/base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace iscsid::disk {

// Under which name the /dev/fuse of a disk is in the store; `nonce`: disk_request::nonce.
std::string stored_name(std::uint64_t nonce);

// The /dev/fuse of a disk in the store, as long as this object lives.
class kept_file {
  public:
    // nullptr: it is not held there.
    static std::unique_ptr<kept_file>
    keep(os::descriptor_store& store, std::uint64_t nonce, const os::descriptor& device);

    // One that an earlier daemon has put there.
    static std::unique_ptr<kept_file> of_earlier(os::descriptor_store& store, std::uint64_t nonce);

    kept_file(const kept_file&) = delete;
    kept_file& operator=(const kept_file&) = delete;
    kept_file(kept_file&&) = delete;
    kept_file& operator=(kept_file&&) = delete;
    ~kept_file();

    bool is_kept() const { return store_.has(name_); }

  private:
    kept_file(os::descriptor_store& store, std::string name);

    os::descriptor_store& store_;
    std::string name_;
};

// Before anybody reads from it: the requests that an earlier daemon has read and not answered come
// again. Fault: attach_failed when the connection has ended, or the kernel knows no way.
iscsi::result<void> have_resent(const os::descriptor& device);

// Whether this kernel hands out again what is not answered (Linux 6.9).
bool kernel_has_resend();

} // namespace iscsid::disk
