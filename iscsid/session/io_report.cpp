#include "iscsid/session/io_report.hpp"

#include "iscsid/session/log_events.hpp"
#include "iscsid/session/log_subject.hpp"

#include "libiscsi/scsi/lun.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <system_error>

namespace iscsid::session {

namespace {

std::string_view name_of(lane::operation op) {
    switch (op) {
    case lane::operation::read:
        return "READ";
    case lane::operation::write:
        return "WRITE";
    case lane::operation::flush:
        return "flush";
    case lane::operation::discard:
        return "discard";
    case lane::operation::write_zeroes:
        return "zeroing";
    }
    return "request";
}

std::string range_of(const lane::io_trouble& what) {
    if (what.blocks == 0)
        return {};
    return fmt::format(
        " of {} block{} ({} bytes) at LBA {}",
        what.blocks,
        what.blocks == 1 ? "" : "s",
        what.bytes,
        what.lba
    );
}

std::string tries_of(const lane::io_trouble& what) {
    if (what.tries == 0)
        return " before it was sent";
    return fmt::format(" after {} {}", what.tries, what.tries == 1 ? "try" : "tries");
}

std::string event_of(const lane::io_trouble& what) {
    switch (what.kind) {
    case lane::trouble_kind::failed:
        return fmt::format(
            "{}{} failed{} with {}: {}",
            name_of(what.op),
            range_of(what),
            tries_of(what),
            std::generic_category().message(what.error),
            what.reason
        );
    case lane::trouble_kind::aborted:
        return fmt::format(
            "{}{}, try {}: {}", name_of(what.op), range_of(what), what.tries, what.reason
        );
    case lane::trouble_kind::lost_write:
        return "a write that was answered before is lost, the next flush fails" +
               (what.reason.empty() ? std::string() : ": " + what.reason);
    }
    return what.reason;
}

std::string event_of(const lane::identity_change& what) {
    using lane::identity_news;
    switch (what.what) {
    case identity_news::other:
        if (what.shown.empty())
            return fmt::format("{} is not there, its I/O fails until it is back", what.recorded);
        return fmt::format(
            "it is {} now, not {}: its I/O fails until that is back", what.shown, what.recorded
        );
    case identity_news::silent:
        return fmt::format(
            "it does not say whether it is still {}: its I/O fails until it does", what.recorded
        );
    case identity_news::unclear:
        return fmt::format(
            "it answers the question who it is without a name, it is taken for {}", what.recorded
        );
    case identity_news::confirmed:
        break;
    }
    return fmt::format("it is {} again", what.recorded);
}

std::string event_of(const lane::fence_moved& what) {
    if (what.is_raised)
        return "a write of this session may still run at the target: writes of the other sessions "
               "of the disk fail until that is over";
    const auto lasted = std::chrono::duration_cast<std::chrono::seconds>(what.lasted).count();
    return fmt::format(
        "no write of this session runs at the target any more, {} s after one was lost: it bars "
        "the other sessions of the disk no longer",
        lasted
    );
}

std::string event_of(const lane::reset_ordered& what) {
    return fmt::format(
        "{}, and the target may still run a write of one of its sessions: nothing goes to the unit "
        "before a reset of it is answered",
        what.why
    );
}

bool is_error(const lane::identity_change& what) {
    return what.what == lane::identity_news::other || what.what == lane::identity_news::silent;
}

} // namespace

namespace {

spdlog::source_loc event_kind(lane::trouble_kind kind) {
    if (kind == lane::trouble_kind::failed)
        return events::io_error;
    return kind == lane::trouble_kind::aborted ? events::io_aborted : events::write_lost;
}

} // namespace

std::string unit_name(const iscsi::lun_field& lun, std::string_view disk) {
    const auto number = scsi::lun_number(lun);
    return unit_words(number, disk);
}

std::string count_words(std::uint64_t count, std::uint64_t untold) {
    if (count <= 1 && untold == 0)
        return {};
    return fmt::format(" ({} in a row; {} without a line)", count, untold);
}

std::string describe(const lane::io_trouble& what, std::string_view disk) {
    return unit_name(what.lun, disk) + ": " + event_of(what) + count_words(what.count, what.untold);
}

std::string describe(const lane::identity_change& what, std::string_view disk) {
    return unit_name(what.lun, disk) + ": " + event_of(what);
}

std::string describe(const lane::fence_moved& what, std::string_view disk) {
    return unit_name(what.lun, disk) + ": " + event_of(what);
}

std::string describe(const lane::reset_ordered& what, std::string_view disk) {
    return unit_name(what.lun, disk) + ": " + event_of(what);
}

void report(std::string_view session, std::string_view disk, const lane::fence_moved& what) {
    spdlog::log(
        what.is_raised ? spdlog::level::warn : spdlog::level::info,
        "{}: {}",
        session,
        describe(what, disk)
    );
}

void report(std::string_view session, std::string_view disk, const lane::reset_ordered& what) {
    spdlog::warn("{}: {}", session, describe(what, disk));
}

void report(std::string_view session, std::string_view disk, const lane::io_trouble& what) {
    const bool goes_on = what.kind == lane::trouble_kind::aborted;
    spdlog::log(
        event_kind(what.kind),
        goes_on ? spdlog::level::warn : spdlog::level::err,
        "{}: {}",
        session,
        describe(what, disk)
    );
}

void report(std::string_view session, std::string_view disk, const lane::identity_change& what) {
    const bool is_back = what.what == lane::identity_news::confirmed;
    const auto level = is_error(what) ? spdlog::level::err
                       : is_back      ? spdlog::level::info
                                      : spdlog::level::warn;
    spdlog::log(
        is_back ? events::unit_is_back : events::unit_is_other,
        level,
        "{}: {}",
        session,
        describe(what, disk)
    );
}

} // namespace iscsid::session
