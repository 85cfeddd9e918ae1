#include "libiscsi/core/session/text_exchange.hpp"

#include "libiscsi/core/session/faults.hpp"

#include <utility>

namespace iscsi {
namespace {

// Far more than any target has to say; a hostile one shall not fill the memory.
constexpr std::size_t longest_text = 16UL * 1024 * 1024;
constexpr std::size_t most_rounds = 4096;

} // namespace

// Text requests go out as immediate ones: they need no place in the command window.
text_request text_exchange::begin(std::uint32_t tag) {
    forget();
    tag_ = tag;
    text_request first;
    first.immediate = true;
    first.initiator_task_tag = tag;
    return first;
}

void text_exchange::forget() {
    tag_.reset();
    text_.clear();
    rounds_ = 0;
}

result<std::optional<text_request>>
text_exchange::on_response(const text_response& pdu, bytes_view data) {
    if (auto checked = check(pdu, data); checked.has_error())
        return checked.error();
    text_.append(reinterpret_cast<const char*>(data.data()), data.size());
    ++rounds_;
    if (pdu.final)
        return std::nullopt;
    text_request more; // empty, with the target's tag: "go on" (§11.10.4)
    more.immediate = true;
    more.lun = pdu.lun;
    more.initiator_task_tag = *tag_;
    more.target_transfer_tag = pdu.target_transfer_tag;
    return more;
}

result<void> text_exchange::check(const text_response& pdu, bytes_view data) const {
    if (!tag_ || pdu.initiator_task_tag != *tag_)
        return session_fault(
            session_errc::unknown_task,
            "Text Response Initiator Task Tag",
            std::to_string(pdu.initiator_task_tag),
            "the tag of the request [RFC 7143 11.11.3]"
        );
    if (text_.size() + data.size() > longest_text || rounds_ >= most_rounds)
        return session_fault(
            session_errc::text_too_long,
            "Text Response",
            std::to_string(text_.size() + data.size()) + " bytes in " +
                std::to_string(rounds_ + 1) + " PDUs",
            "at most " + std::to_string(longest_text) + " in " + std::to_string(most_rounds)
        );
    return {};
}

std::string text_exchange::take_text() {
    auto text = std::move(text_);
    forget();
    return text;
}

} // namespace iscsi
