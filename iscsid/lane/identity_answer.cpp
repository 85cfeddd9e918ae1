#include "iscsid/lane/identity_answer.hpp"

#include "libiscsi/scsi/disposition.hpp"
#include "libiscsi/scsi/inquiry.hpp"

#include <algorithm>

namespace iscsid::lane {

namespace {

iscsi::result<std::string> name_in(scsi::vpd_page page, iscsi::bytes_view data) {
    return page == scsi::vpd_page::device_identification ? scsi::read_wwid(data)
                                                         : scsi::read_unit_serial_number(data);
}

// SPC-4 §6.6.2: only peripheral qualifier 0 is a unit that is there.
bool is_there(iscsi::bytes_view page) {
    return std::to_integer<unsigned>(page[0]) >> 5U == 0;
}

constexpr std::size_t header_size = 4;

std::size_t page_length(iscsi::bytes_view page) {
    return std::to_integer<std::size_t>(page[2]) << 8U | std::to_integer<std::size_t>(page[3]);
}

// A name that was read from a part of its page proves that the unit is the same, but not that it is
// another one: what decides may be in the part that did not come.
// More is asked for only once: a target that gives 252 bytes of whatever was asked would keep us
// asking for ever.
identity_answer
read_page(const unit_identity& recorded, iscsi::bytes_view page, bool is_first_question) {
    const auto shown = name_in(recorded.page, page);
    if (shown.has_error())
        return {identity_finding::unclear};
    if (*shown == recorded.name)
        return {identity_finding::same};
    if (const auto length = scsi::longer_inquiry_length(page); length && is_first_question)
        return {identity_finding::longer, {}, *length};
    const bool is_whole = page_length(page) > 0 && header_size + page_length(page) <= page.size();
    if (!is_whole)
        return {identity_finding::unclear};
    return {identity_finding::other, *shown};
}

} // namespace

unit_identity identity_of(const scsi::logical_unit& recorded) {
    if (recorded.wwid.empty())
        return {scsi::vpd_page::unit_serial_number, recorded.serial};
    return {scsi::vpd_page::device_identification, recorded.wwid};
}

identity_answer
read_identity(const unit_identity& recorded, const iscsi::task_done& done, iscsi::bytes_view room) {
    using iscsi::task_result;
    if (done.outcome == task_result::aborted || done.outcome == task_result::lost)
        return {identity_finding::no_answer};
    const auto judged = scsi::judge({done.response, done.status, done.sense});
    if (judged.what == scsi::verdict::fail)
        return {identity_finding::absent};
    if (judged.what != scsi::verdict::success)
        return {identity_finding::no_answer};
    const auto page = room.first(std::min<std::size_t>(done.transferred, room.size()));
    if (page.empty())
        return {identity_finding::unclear};
    if (!is_there(page))
        return {identity_finding::absent};
    return read_page(recorded, page, room.size() == scsi::first_inquiry_length);
}

} // namespace iscsid::lane
