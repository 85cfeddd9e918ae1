#include "iscsid/lane/identity_answer.hpp"

#include "libiscsi/scsi/capacity.hpp"
#include "libiscsi/scsi/disposition.hpp"
#include "libiscsi/scsi/inquiry.hpp"

#include <algorithm>
#include <array>

namespace iscsid::lane {

namespace {

constexpr std::array all_questions = {
    identity_question::designator,
    identity_question::serial_number,
    identity_question::standard_data,
    identity_question::capacity,
};

constexpr std::uint16_t standard_data_length = 36; // SPC-4 §6.6.2: up to the product revision
constexpr std::uint16_t capacity_length = 8;       // SBC-3 §5.15

bool has_record_for(const unit_identity& recorded, identity_question what) {
    switch (what) {
    case identity_question::designator:
        return !recorded.wwid.empty();
    case identity_question::serial_number:
        return !recorded.serial.empty();
    case identity_question::standard_data:
        return !recorded.vendor.empty() || !recorded.product.empty();
    case identity_question::capacity:
    case identity_question::block_length:
        break;
    }
    return recorded.block_count > 0;
}

scsi::vpd_page page_of(identity_question name) {
    return name == identity_question::designator ? scsi::vpd_page::device_identification
                                                 : scsi::vpd_page::unit_serial_number;
}

iscsi::result<std::string> name_in(identity_question asked, iscsi::bytes_view data) {
    return asked == identity_question::designator ? scsi::read_wwid(data)
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
// another one: what decides may be in the part that did not come. A page without a name says
// nothing, whole or not.
// More is asked for only once: a target that gives 252 bytes of whatever was asked would keep us
// asking for ever.
identity_answer read_name(
    const std::string& recorded,
    identity_question asked,
    iscsi::bytes_view page,
    bool is_first_question
) {
    const auto shown = name_in(asked, page);
    if (shown.has_error())
        return {identity_finding::unclear};
    if (*shown == recorded)
        return {identity_finding::same};
    if (const auto length = scsi::longer_inquiry_length(page); length && is_first_question)
        return {identity_finding::longer, {}, *length};
    const bool is_whole = page_length(page) > 0 && header_size + page_length(page) <= page.size();
    if (!is_whole || shown->empty())
        return {identity_finding::unclear};
    return {identity_finding::other, *shown};
}

bool differs(const std::string& recorded, const std::string& shown) {
    return !recorded.empty() && !shown.empty() && recorded != shown;
}

identity_answer read_standard_data(const unit_identity& recorded, iscsi::bytes_view data) {
    const auto shown = scsi::read_standard_inquiry(data);
    if (data.size() < standard_data_length || shown.has_error())
        return {identity_finding::unclear};
    if (differs(recorded.vendor, shown->vendor) || differs(recorded.product, shown->product))
        return {identity_finding::other, shown->vendor + ' ' + shown->product};
    return {identity_finding::unclear};
}

// A unit may have grown (SBC-3 §5.15: READ CAPACITY(10) tells of 2^32 - 1 blocks at most).
identity_answer read_capacity(const unit_identity& recorded, iscsi::bytes_view data) {
    const auto shown = scsi::read_capacity_10_data(data);
    if (shown.has_error())
        return {identity_finding::unclear};
    const bool is_smaller = !shown->needs_16 && shown->block_count < recorded.block_count;
    if (shown->block_size == recorded.block_size && !is_smaller)
        return {identity_finding::unclear};
    return {
        identity_finding::other,
        std::to_string(shown->block_count) + " blocks of " + std::to_string(shown->block_size) +
            " bytes"};
}

// A unit that does not tell it is as its name says.
identity_answer read_block_length(const unit_identity& recorded, iscsi::bytes_view data) {
    const auto shown = scsi::read_capacity_10_data(data);
    if (shown.has_error() || shown->block_size == recorded.block_size)
        return {identity_finding::same};
    return {
        identity_finding::other,
        recorded.name() + " with blocks of " + std::to_string(shown->block_size) +
            " bytes instead of " + std::to_string(recorded.block_size)};
}

// What an answer says that is no success.
identity_finding finding_of(const scsi::disposition& judged, identity_question asked) {
    if (judged.what != scsi::verdict::fail)
        return identity_finding::no_answer;
    if (judged.lun_gone)
        return identity_finding::absent;
    return asked == identity_question::block_length ? identity_finding::same
                                                    : identity_finding::unclear;
}

} // namespace

unit_identity identity_of(const scsi::logical_unit& recorded) {
    return {
        recorded.wwid,
        recorded.serial,
        recorded.vendor,
        recorded.product,
        recorded.block_size,
        recorded.block_count};
}

identity_question first_question(const unit_identity& recorded) {
    if (!recorded.wwid.empty())
        return identity_question::designator;
    return recorded.serial.empty() ? identity_question::block_length
                                   : identity_question::serial_number;
}

std::optional<identity_question>
next_question(const unit_identity& recorded, identity_question asked) {
    const auto* const this_one = std::ranges::find(all_questions, asked);
    if (this_one == all_questions.end())
        return std::nullopt;
    const auto* const next =
        std::find_if(this_one + 1, all_questions.end(), [&recorded](identity_question each) {
            return has_record_for(recorded, each);
        });
    return next == all_questions.end() ? std::nullopt : std::optional(*next);
}

std::uint16_t first_length(identity_question what) {
    switch (what) {
    case identity_question::designator:
    case identity_question::serial_number:
        return scsi::first_inquiry_length;
    case identity_question::standard_data:
        return standard_data_length;
    case identity_question::capacity:
    case identity_question::block_length:
        break;
    }
    return capacity_length;
}

scsi::cdb_field command_for(identity_question what, std::uint16_t length) {
    switch (what) {
    case identity_question::designator:
    case identity_question::serial_number:
        return scsi::inquiry_vpd(page_of(what), length);
    case identity_question::standard_data:
        return scsi::inquiry(length);
    case identity_question::capacity:
    case identity_question::block_length:
        break;
    }
    return scsi::read_capacity_10();
}

identity_answer read_identity(
    const unit_identity& recorded,
    identity_question asked,
    const iscsi::task_done& done,
    iscsi::bytes_view room
) {
    using iscsi::task_result;
    if (done.outcome == task_result::aborted || done.outcome == task_result::lost)
        return {identity_finding::no_answer};
    const auto judged = scsi::judge({done.response, done.status, done.sense});
    if (judged.what != scsi::verdict::success)
        return {finding_of(judged, asked)};
    const auto data = room.first(std::min<std::size_t>(done.transferred, room.size()));
    if (asked == identity_question::block_length)
        return read_block_length(recorded, data);
    if (data.empty())
        return {identity_finding::unclear};
    if (asked == identity_question::capacity)
        return read_capacity(recorded, data);
    if (!is_there(data))
        return {identity_finding::absent};
    if (asked == identity_question::standard_data)
        return read_standard_data(recorded, data);
    const auto& name = asked == identity_question::designator ? recorded.wwid : recorded.serial;
    return read_name(name, asked, data, room.size() == first_length(asked));
}

} // namespace iscsid::lane
