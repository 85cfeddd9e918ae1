#include "libiscsi/core/session/text_exchange.hpp"

#include "libiscsi/core/session/faults.hpp"

namespace iscsi {
namespace {

// Far more than any target has to say; a hostile one shall not fill the memory.
constexpr std::size_t longest_text = 16UL * 1024 * 1024;
constexpr std::size_t most_rounds = 4096;

} // namespace

// Text requests go out as immediate ones: they need no place in the command window.
text_request text_exchange::begin(std::uint32_t tag, text_purpose purpose) {
    forget();
    tag_ = tag;
    purpose_ = purpose;
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

result<text_turn> text_exchange::on_response(const text_response& pdu, bytes_view data) {
    if (auto checked = check(pdu, data); checked.has_error())
        return checked.error();
    text_.append(reinterpret_cast<const char*>(data.data()), data.size());
    ++rounds_;
    if (pdu.final)
        return text_turn::over;
    return pdu.continues ? text_turn::go_on : text_turn::ours;
}

text_request text_exchange::next(const text_response& to) const {
    text_request more;
    more.immediate = true;
    more.lun = to.lun;
    more.initiator_task_tag = to.initiator_task_tag;
    more.target_transfer_tag = to.target_transfer_tag;
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

} // namespace iscsi
