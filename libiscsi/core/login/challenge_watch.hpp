#pragma once

#include "libiscsi/base/bytes.hpp"

namespace iscsi {

// Knows the challenges that this initiator has issued lately, in all its logins: a target that
// sends one of them back, maybe on a parallel login, wants us to answer it in its stead (RFC 7143
// §9.2.1, §12.1.3). Shared by sessions, so an implementation locks if they live on several threads.
class challenge_watch {
  public:
    challenge_watch() = default;
    virtual ~challenge_watch() = default;
    challenge_watch(const challenge_watch&) = delete;
    challenge_watch& operator=(const challenge_watch&) = delete;

    virtual void issued(bytes_view challenge) = 0;
    virtual bool is_ours(bytes_view challenge) const = 0;
};

} // namespace iscsi
