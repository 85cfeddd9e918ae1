#include "libiscsi/scsi/disposition.hpp"

#include "libiscsi/scsi/sense.hpp"
#include "libiscsi/scsi/status.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace scsi {

namespace {

// Linux gives a command five retries (SD_MAX_RETRIES).
constexpr std::uint8_t usual_retries = 5;
constexpr std::uint8_t attention_retries = 8;

constexpr disposition success{};
constexpr disposition wait_and_retry{.what = verdict::retry_after_delay, .error = EIO};
constexpr disposition gone{.what = verdict::fail, .error = ENODEV, .lun_gone = true};
constexpr disposition refused{.what = verdict::fail, .error = EREMOTEIO, .unsupported = true};

constexpr disposition fail(int error) {
    return {.what = verdict::fail, .error = error};
}

constexpr disposition retry(int error, std::uint8_t retries = usual_retries) {
    return {.what = verdict::retry_limited, .error = error, .retries = retries};
}

constexpr disposition attend(attention news) {
    return {.what = verdict::retry_now, .error = EIO, .retries = attention_retries, .news = news};
}

// The sense data is of an earlier command; this one was not executed (SPC-4 §4.5.5).
constexpr disposition after_deferred = attend(attention::deferred_error);
constexpr disposition after_recovered = attend(attention::none); // that command was completed

// Inclusive. Additional sense codes of one row that differ only in the qualifier are one range.
struct code_range {
    std::uint8_t first = 0x00;
    std::uint8_t last = 0xff;

    constexpr bool holds(std::uint8_t code) const { return first <= code && code <= last; }
};

constexpr code_range any{};

constexpr code_range only(std::uint8_t code) {
    return {code, code};
}

struct sense_rule {
    sense_key key;
    code_range additional_code;
    code_range qualifier;
    disposition then;

    constexpr bool fits(const sense_data& sense) const {
        return key == sense.key && additional_code.holds(sense.additional_code) &&
               qualifier.holds(sense.additional_code_qualifier);
    }
};

// The first row that fits decides. Codes and qualifiers: SPC-4 Annex D.
constexpr std::array rules = {
    // How much was transferred is not known: never take it for success, as sd.c does not either.
    sense_rule{sense_key::no_sense, any, any, retry(EIO)},
    sense_rule{sense_key::recovered_error, any, any, success},

    sense_rule{sense_key::not_ready, only(0x04), only(0x01), wait_and_retry},   // becoming ready
    sense_rule{sense_key::not_ready, only(0x04), {0x04, 0x0a}, wait_and_retry}, // format … ALUA
    sense_rule{sense_key::not_ready, only(0x04), {0x0b, 0x0c}, fail(ENOLINK)},  // standby path
    sense_rule{sense_key::not_ready, only(0x04), only(0x11), wait_and_retry},
    sense_rule{sense_key::not_ready, only(0x04), only(0x14), wait_and_retry},
    sense_rule{sense_key::not_ready, only(0x04), {0x1a, 0x1b}, wait_and_retry},
    sense_rule{sense_key::not_ready, only(0x04), only(0x1d), wait_and_retry},
    sense_rule{sense_key::not_ready, any, any, fail(EIO)},

    sense_rule{sense_key::medium_error, only(0x11), any, fail(ENODATA)},   // unrecovered read
    sense_rule{sense_key::medium_error, {0x13, 0x14}, any, fail(ENODATA)}, // mark, record not found
    sense_rule{sense_key::medium_error, any, any, retry(EIO)},

    sense_rule{sense_key::hardware_error, any, any, retry(EREMOTEIO, 1)},

    sense_rule{sense_key::illegal_request, only(0x20), any, refused}, // operation code
    sense_rule{sense_key::illegal_request, only(0x21), any, refused}, // block out of range
    sense_rule{sense_key::illegal_request, only(0x22), any, refused}, // illegal function
    sense_rule{sense_key::illegal_request, only(0x24), any, refused}, // field in CDB
    sense_rule{sense_key::illegal_request, only(0x25), any, gone},
    sense_rule{sense_key::illegal_request, {0x26, 0x27}, any, refused}, // field in list, protected
    sense_rule{sense_key::illegal_request, any, any, fail(EREMOTEIO)},

    sense_rule{sense_key::unit_attention, only(0x28), any, attend(attention::medium_changed)},
    sense_rule{sense_key::unit_attention, only(0x29), any, attend(attention::reset)},
    sense_rule{sense_key::unit_attention, only(0x2a), only(0x01), attend(attention::mode_changed)},
    sense_rule{
        sense_key::unit_attention,
        only(0x2a),
        {0x03, 0x05},
        attend(attention::reservations_changed)},
    sense_rule{
        sense_key::unit_attention,
        only(0x2a),
        {0x06, 0x07},
        attend(attention::access_state_changed)},
    sense_rule{
        sense_key::unit_attention, only(0x2a), only(0x09), attend(attention::capacity_changed)},
    sense_rule{sense_key::unit_attention, only(0x2f), any, attend(attention::commands_cleared)},
    sense_rule{
        sense_key::unit_attention, only(0x38), only(0x07), attend(attention::thin_threshold)},
    sense_rule{
        sense_key::unit_attention, only(0x3f), only(0x03), attend(attention::inquiry_changed)},
    sense_rule{sense_key::unit_attention, only(0x3f), only(0x0e), attend(attention::luns_changed)},
    sense_rule{sense_key::unit_attention, any, any, attend(attention::other)},

    sense_rule{sense_key::data_protect, only(0x27), only(0x07), fail(ENOSPC)}, // thin pool is full
    sense_rule{sense_key::data_protect, only(0x27), any, fail(EROFS)},
    sense_rule{sense_key::data_protect, any, any, fail(EREMOTEIO)},

    sense_rule{sense_key::aborted_command, only(0x10), any, fail(EILSEQ)}, // protection information
    sense_rule{sense_key::aborted_command, only(0x2e), {0x01, 0x03}, fail(ETIME)}, // duration limit
    sense_rule{sense_key::aborted_command, any, any, retry(EIO)},

    sense_rule{sense_key::blank_check, any, any, fail(EREMOTEIO)},
    sense_rule{sense_key::copy_aborted, any, any, fail(EREMOTEIO)},
    sense_rule{sense_key::volume_overflow, any, any, fail(EREMOTEIO)},
    sense_rule{sense_key::miscompare, any, any, fail(EREMOTEIO)},
};

disposition judge_sense(const sense_data& sense) {
    if (sense.deferred)
        return sense.key == sense_key::recovered_error || sense.key == sense_key::no_sense
                   ? after_recovered
                   : after_deferred;
    const auto* const rule = std::ranges::find_if(rules, [&sense](const sense_rule& candidate) {
        return candidate.fits(sense);
    });
    return rule == rules.end() ? fail(EIO) : rule->then;
}

disposition judge_check_condition(iscsi::bytes_view bytes) {
    const auto sense = read_sense(bytes);
    return sense ? judge_sense(*sense) : retry(EIO, 1);
}

} // namespace

disposition judge(const answer& from) {
    if (from.response != 0) // RFC 7143 §11.4.3: the status is not valid
        return retry(EIO);
    switch (static_cast<status>(from.status)) {
    case status::good:
    case status::condition_met:
    case status::intermediate:
    case status::intermediate_condition_met:
        return success;
    case status::check_condition:
        return judge_check_condition(from.sense);
    case status::busy:
    case status::task_set_full:
    case status::aca_active:
        return wait_and_retry;
    case status::reservation_conflict:
        return fail(EBADE);
    case status::task_aborted:
        return retry(EIO);
    case status::command_terminated:
        break;
    }
    return fail(EIO);
}

bool may_change_mode(attention what) {
    switch (what) {
    case attention::medium_changed:
    case attention::reset:
    case attention::mode_changed:
    case attention::access_state_changed:
    case attention::inquiry_changed:
    case attention::other:
        return true;
    case attention::none:
    case attention::reservations_changed:
    case attention::capacity_changed:
    case attention::commands_cleared:
    case attention::thin_threshold:
    case attention::luns_changed:
    case attention::deferred_error:
    case attention::flush_refused:
        break;
    }
    return false;
}

std::string describe(const answer& from) {
    if (from.response != 0)
        return "iSCSI response " + std::to_string(from.response);
    std::string words(name_of(static_cast<status>(from.status)));
    if (from.status == static_cast<std::uint8_t>(status::check_condition)) {
        const auto sense = read_sense(from.sense);
        words += ", " + (sense ? sense->text() : "no sense data");
    }
    return words;
}

} // namespace scsi
