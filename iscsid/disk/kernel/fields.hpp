#pragma once

#include "libiscsi/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// How the daemon and its helper write what they say to each other: a list of fields, each its
// length (2 bytes, little-endian) and its bytes. A request is the name of an operation and its
// arguments; a reply is "done" and results, or "fault" and the four parts of an iscsi::fault.
namespace iscsid::disk {

using fields = std::vector<std::string>;

// Bytes of a whole message: not above PIPE_BUF (pipe(7)), so that a reply is written at once or not
// at all, and a reader never sees a part of one.
inline constexpr std::size_t longest_message = 4096;

// Empty: it would be longer than longest_message.
std::string encode(const fields& what);

// None: the lengths do not add up.
std::optional<fields> decode(std::string_view message);

fields done(fields results = {});
fields failed(const iscsi::fault& why); // the texts are cut to what fits

// The results of a reply. Faults: what the other side says; disk_errc::helper_failed for a message
// that is no reply.
iscsi::result<fields> results_of(std::string_view reply);

// Takes the arguments of a request one after the other. What is missing or no number reads as
// empty or 0; is_complete() tells afterwards whether all were there, well formed, and no more.
class argument_reader {
  public:
    explicit argument_reader(const fields& request) : request_(request) {}

    std::string text();
    std::uint64_t number();
    bool flag();

    bool is_complete() const { return sound_ && at_ == request_.size(); }

  private:
    const fields& request_;
    std::size_t at_ = 1; // behind the name of the operation
    bool sound_ = true;
};

} // namespace iscsid::disk
