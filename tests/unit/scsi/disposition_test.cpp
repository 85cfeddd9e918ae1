#include "tests/unit/scsi/bytes_of.hpp"

#include "libiscsi/scsi/disposition.hpp"
#include "libiscsi/scsi/sense.hpp"
#include "libiscsi/scsi/status.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace scsi {
namespace {

using test::bytes_of;

test::bytes sense_of(sense_key key, unsigned code, unsigned qualifier, unsigned format = 0x70) {
    return bytes_of(
        {format, 0, static_cast<unsigned>(key), 0, 0, 0, 0, 10, 0, 0, 0, 0, code, qualifier}
    );
}

disposition on_sense(sense_key key, unsigned code, unsigned qualifier) {
    const auto sense = sense_of(key, code, qualifier);
    return judge({.response = 0, .status = 0x02, .sense = sense});
}

disposition on_status(status value) {
    return judge({.response = 0, .status = static_cast<std::uint8_t>(value), .sense = {}});
}

struct expectation {
    sense_key key;
    unsigned code;
    unsigned qualifier;
    verdict what;
    int error;
};

void expect_all(std::initializer_list<expectation> expectations) {
    for (const auto& [key, code, qualifier, what, error] : expectations) {
        const auto got = on_sense(key, code, qualifier);
        EXPECT_EQ(got.what, what) << name_of(key) << ' ' << code << '/' << qualifier;
        EXPECT_EQ(got.error, error) << name_of(key) << ' ' << code << '/' << qualifier;
    }
}

TEST(disposition, good_statuses_are_success) {
    for (const auto value :
         {status::good,
          status::condition_met,
          status::intermediate,
          status::intermediate_condition_met})
        EXPECT_EQ(on_status(value), disposition{}) << name_of(value);
}

TEST(disposition, busy_statuses_wait) {
    for (const auto value : {status::busy, status::task_set_full, status::aca_active}) {
        EXPECT_EQ(on_status(value).what, verdict::retry_after_delay) << name_of(value);
        EXPECT_EQ(on_status(value).error, EIO);
    }
}

TEST(disposition, reservation_conflict_fails_at_once) {
    EXPECT_EQ(on_status(status::reservation_conflict).what, verdict::fail);
    EXPECT_EQ(on_status(status::reservation_conflict).error, EBADE);
}

TEST(disposition, task_aborted_is_tried_again) {
    EXPECT_EQ(on_status(status::task_aborted).what, verdict::retry_limited);
    EXPECT_EQ(on_status(status::task_aborted).retries, 5);
}

TEST(disposition, unknown_statuses_fail) {
    EXPECT_EQ(on_status(status::command_terminated).what, verdict::fail);
    EXPECT_EQ(judge({.response = 0, .status = 0xff, .sense = {}}).error, EIO);
}

TEST(disposition, the_response_is_judged_before_the_status) {
    const auto got = judge({.response = 1, .status = 0, .sense = {}});
    EXPECT_EQ(got.what, verdict::retry_limited);
    EXPECT_EQ(got.error, EIO);
    EXPECT_EQ(judge({.response = 0x80, .status = 0, .sense = {}}).what, verdict::retry_limited);
}

TEST(disposition, check_condition_without_sense_is_tried_once_more) {
    const auto got = on_status(status::check_condition);
    EXPECT_EQ(got.what, verdict::retry_limited);
    EXPECT_EQ(got.retries, 1);
    EXPECT_EQ(got.error, EIO);
}

TEST(disposition, recovered_error_is_success_no_sense_is_not) {
    expect_all({
        {sense_key::recovered_error, 0x17, 0x01, verdict::success, 0},
        {sense_key::no_sense, 0x00, 0x00, verdict::retry_limited, EIO},
    });
}

TEST(disposition, not_ready_waits_only_where_waiting_helps) {
    for (const unsigned qualifier :
         {0x01U,
          0x04U,
          0x05U,
          0x06U,
          0x07U,
          0x08U,
          0x09U,
          0x0aU,
          0x11U,
          0x14U,
          0x1aU,
          0x1bU,
          0x1dU})
        EXPECT_EQ(on_sense(sense_key::not_ready, 0x04, qualifier).what, verdict::retry_after_delay)
            << qualifier;
    for (const unsigned qualifier : {0x00U, 0x02U, 0x03U, 0x10U, 0x12U, 0x1cU})
        EXPECT_EQ(on_sense(sense_key::not_ready, 0x04, qualifier).what, verdict::fail) << qualifier;
    expect_all({
        {sense_key::not_ready, 0x04, 0x0b, verdict::fail, ENOLINK},
        {sense_key::not_ready, 0x04, 0x0c, verdict::fail, ENOLINK},
        {sense_key::not_ready, 0x3a, 0x00, verdict::fail, EIO},
    });
}

TEST(disposition, media_that_are_lost_fail_at_once) {
    expect_all({
        {sense_key::medium_error, 0x11, 0x00, verdict::fail, ENODATA},
        {sense_key::medium_error, 0x13, 0x00, verdict::fail, ENODATA},
        {sense_key::medium_error, 0x14, 0x01, verdict::fail, ENODATA},
        {sense_key::medium_error, 0x12, 0x00, verdict::retry_limited, EIO},
        {sense_key::medium_error, 0x0c, 0x00, verdict::retry_limited, EIO},
    });
}

TEST(disposition, hardware_errors_are_tried_once_more) {
    expect_all({{sense_key::hardware_error, 0x44, 0x00, verdict::retry_limited, EREMOTEIO}});
    EXPECT_EQ(on_sense(sense_key::hardware_error, 0x44, 0x00).retries, 1);
}

TEST(disposition, illegal_requests_are_refusals) {
    for (const unsigned code : {0x20U, 0x21U, 0x22U, 0x24U, 0x26U, 0x27U}) {
        const auto got = on_sense(sense_key::illegal_request, code, 0);
        EXPECT_TRUE(got.unsupported) << code;
        EXPECT_EQ(got.what, verdict::fail) << code;
        EXPECT_EQ(got.error, EREMOTEIO) << code;
    }
    EXPECT_FALSE(on_sense(sense_key::illegal_request, 0x55, 0x00).unsupported);
    EXPECT_EQ(on_sense(sense_key::illegal_request, 0x55, 0x00).error, EREMOTEIO);
}

TEST(disposition, a_lun_that_is_gone_is_told_apart) {
    const auto got = on_sense(sense_key::illegal_request, 0x25, 0x00);
    EXPECT_TRUE(got.lun_gone);
    EXPECT_FALSE(got.unsupported);
    EXPECT_EQ(got.error, ENODEV);
}

TEST(disposition, unit_attentions_bring_news_and_are_tried_again) {
    struct row {
        unsigned code;
        unsigned qualifier;
        attention news;
    };

    for (const auto& [code, qualifier, news] : {
             row{0x28, 0x00, attention::medium_changed},
             row{0x29, 0x00, attention::reset},
             row{0x29, 0x07, attention::reset},
             row{0x2a, 0x00, attention::other},
             row{0x2a, 0x01, attention::mode_changed},
             row{0x2a, 0x02, attention::other},
             row{0x2a, 0x03, attention::reservations_changed},
             row{0x2a, 0x05, attention::reservations_changed},
             row{0x2a, 0x06, attention::access_state_changed},
             row{0x2a, 0x09, attention::capacity_changed},
             row{0x2f, 0x00, attention::commands_cleared},
             row{0x38, 0x07, attention::thin_threshold},
             row{0x3f, 0x03, attention::inquiry_changed},
             row{0x3f, 0x0e, attention::luns_changed},
             row{0x3f, 0x01, attention::other},
         }) {
        const auto got = on_sense(sense_key::unit_attention, code, qualifier);
        EXPECT_EQ(got.news, news) << code << '/' << qualifier;
        EXPECT_EQ(got.what, verdict::retry_now);
        EXPECT_EQ(got.retries, 8);
    }
}

TEST(disposition, data_protect_says_why) {
    expect_all({
        {sense_key::data_protect, 0x27, 0x07, verdict::fail, ENOSPC},
        {sense_key::data_protect, 0x27, 0x00, verdict::fail, EROFS},
        {sense_key::data_protect, 0x20, 0x02, verdict::fail, EREMOTEIO},
    });
}

TEST(disposition, aborted_commands_are_tried_again_but_for_two_kinds) {
    expect_all({
        {sense_key::aborted_command, 0x47, 0x03, verdict::retry_limited, EIO},
        {sense_key::aborted_command, 0x10, 0x01, verdict::fail, EILSEQ},
        {sense_key::aborted_command, 0x2e, 0x01, verdict::fail, ETIME},
        {sense_key::aborted_command, 0x2e, 0x00, verdict::retry_limited, EIO},
    });
}

TEST(disposition, the_rest_fails) {
    expect_all({
        {sense_key::blank_check, 0, 0, verdict::fail, EREMOTEIO},
        {sense_key::copy_aborted, 0, 0, verdict::fail, EREMOTEIO},
        {sense_key::volume_overflow, 0, 0, verdict::fail, EREMOTEIO},
        {sense_key::miscompare, 0x1d, 0, verdict::fail, EREMOTEIO},
        {sense_key::vendor_specific, 0x80, 0, verdict::fail, EIO},
        {sense_key::reserved, 0, 0, verdict::fail, EIO},
    });
}

TEST(disposition, deferred_errors_do_not_concern_this_command) {
    const auto sense = sense_of(sense_key::medium_error, 0x0c, 0x00, 0x71);
    const auto got = judge({.response = 0, .status = 0x02, .sense = sense});
    EXPECT_EQ(got.what, verdict::retry_now);
    EXPECT_EQ(got.news, attention::deferred_error);
}

TEST(disposition, a_deferred_error_that_was_recovered_is_no_loss) {
    for (const auto key : {sense_key::recovered_error, sense_key::no_sense})
        for (const unsigned format : {0x71U, 0x73U}) {
            const auto sense = sense_of(key, 0x18, 0x00, format);
            const auto got = judge({.response = 0, .status = 0x02, .sense = sense});
            EXPECT_EQ(got.what, verdict::retry_now);
            EXPECT_EQ(got.news, attention::none);
        }
}

TEST(disposition, only_success_has_no_errno) {
    for (unsigned key = 0; key < 16; ++key)
        for (unsigned code = 0; code < 256; ++code) {
            const auto got = on_sense(static_cast<sense_key>(key), code, code);
            EXPECT_EQ(got.what == verdict::success, got.error == 0) << key << ' ' << code;
            const bool limited =
                got.what == verdict::retry_now || got.what == verdict::retry_limited;
            EXPECT_EQ(limited, got.retries > 0) << key << ' ' << code;
        }
}

TEST(disposition, describes_answers) {
    const auto sense = sense_of(sense_key::illegal_request, 0x25, 0x00);
    EXPECT_EQ(
        describe({.response = 0, .status = 0x02, .sense = sense}),
        "CHECK CONDITION, ILLEGAL REQUEST 25/00"
    );
    EXPECT_EQ(
        describe({.response = 0, .status = 0x02, .sense = {}}), "CHECK CONDITION, no sense data"
    );
    EXPECT_EQ(describe({.response = 0, .status = 0x28, .sense = {}}), "TASK SET FULL");
    EXPECT_EQ(describe({.response = 1, .status = 0, .sense = {}}), "iSCSI response 1");
}

TEST(attention, may_change_mode_parameters_with_whatever_touches_them) {
    for (const auto each :
         {attention::mode_changed,
          attention::reset,
          attention::medium_changed,
          attention::access_state_changed,
          attention::inquiry_changed,
          attention::other})
        EXPECT_TRUE(may_change_mode(each));
    for (const auto each :
         {attention::none,
          attention::capacity_changed,
          attention::reservations_changed,
          attention::commands_cleared,
          attention::thin_threshold,
          attention::luns_changed,
          attention::deferred_error,
          attention::flush_refused})
        EXPECT_FALSE(may_change_mode(each));
}

} // namespace
} // namespace scsi
