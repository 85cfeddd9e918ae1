#include "tests/unit/scsi/bytes_of.hpp"

#include "libiscsi/scsi/parameter_data.hpp"
#include "libiscsi/scsi/reservation.hpp"

#include <gtest/gtest.h>

namespace scsi {
namespace {

using test::bytes;
using test::bytes_of;
using test::text_bytes;
using test::zeros;

constexpr std::size_t much = 4096;

template <class T>
void expect_fault(const iscsi::result<T>& read, parameter_errc why, std::string_view field) {
    ASSERT_TRUE(read.has_error());
    EXPECT_EQ(read.error().code, iscsi::to_error_code(why)) << read.error().text();
    EXPECT_EQ(read.error().field, field);
}

const bytes two_keys = bytes_of({0, 0, 0, 5, 0, 0, 0, 16}) + bytes_of({0, 0, 0, 0, 0, 0, 0, 0x0a}) +
                       bytes_of({0xff, 0xfe, 3, 4, 5, 6, 7, 8});

TEST(reservation, commands_are_those_of_the_standard) {
    EXPECT_EQ(
        persistent_reserve_in(reserve_in::read_full_status, 0x0102),
        test::padded<16>({0x5e, 3, 0, 0, 0, 0, 0, 1, 2, 0})
    );
    EXPECT_EQ(
        persistent_reserve_out(
            reserve_out::preempt_and_abort, reservation_type::exclusive_access_registrants_only
        ),
        test::padded<16>({0x5f, 5, 6, 0, 0, 0, 0, 0, 24, 0})
    );
    EXPECT_EQ(
        persistent_reserve_out(reserve_out::clear, std::nullopt),
        test::padded<16>({0x5f, 3, 0, 0, 0, 0, 0, 0, 24, 0})
    );
    EXPECT_EQ(
        name_of(operation_of(persistent_reserve_in(reserve_in::read_keys, 8))),
        "PERSISTENT RESERVE IN"
    );
    EXPECT_EQ(
        name_of(operation_of(persistent_reserve_out(reserve_out::reserve, std::nullopt))),
        "PERSISTENT RESERVE OUT"
    );
}

TEST(reservation, parameter_list_has_both_keys_and_nothing_else) {
    const auto list = reserve_keys{0x0102030405060708, 0x1112131415161718}.list();
    const auto expected = bytes_of({1, 2, 3, 4, 5, 6, 7, 8}) +
                          bytes_of({0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18}) + zeros(8);
    EXPECT_EQ(bytes(list.begin(), list.end()), expected);
}

// ---- READ KEYS

TEST(read_keys, gives_all_in_their_order) {
    const auto read = read_registered_keys(two_keys, much);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->generation, 5U);
    EXPECT_EQ(read->keys, (std::vector<std::uint64_t>{0x0a, 0xfffe030405060708}));
    EXPECT_EQ(read->needed_length, 24U);
    EXPECT_TRUE(read_registered_keys(bytes_of({0, 0, 0, 5, 0, 0, 0, 0}), much)->keys.empty());
}

TEST(read_keys, says_how_much_room_all_would_need) {
    const bytes first(two_keys.begin(), two_keys.begin() + 16);
    const auto read = read_registered_keys(first, 16);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->keys.size(), 1U);
    EXPECT_EQ(read->needed_length, 24U);
    const auto boast = bytes_of({0, 0, 0, 5, 0xff, 0xff, 0xff, 0xf8});
    EXPECT_EQ(read_registered_keys(boast, 8)->needed_length, 0x1'0000'0000U);
}

TEST(read_keys, takes_no_list_without_its_end) {
    const bytes cut(two_keys.begin(), two_keys.begin() + 23);
    expect_fault(read_registered_keys(cut, much), parameter_errc::too_short, "READ KEYS");
    expect_fault(read_registered_keys(zeros(7), much), parameter_errc::too_short, "READ KEYS");
    const auto boast = bytes_of({0, 0, 0, 5, 0xff, 0xff, 0xff, 0xf8});
    expect_fault(read_registered_keys(boast, much), parameter_errc::too_short, "READ KEYS");
}

TEST(read_keys, takes_no_half_of_a_key) {
    const auto odd = bytes_of({0, 0, 0, 5, 0, 0, 0, 12}) + zeros(12);
    expect_fault(
        read_registered_keys(odd, much), parameter_errc::out_of_range, "READ KEYS additional length"
    );
}

TEST(read_keys, leaves_out_what_is_behind_the_list) {
    EXPECT_EQ(read_registered_keys(two_keys + zeros(64), much)->keys.size(), 2U);
}

// ---- READ RESERVATION

const bytes reserved = bytes_of({0, 0, 0, 9, 0, 0, 0, 16}) + bytes_of({0, 0, 0, 0, 0, 0, 0, 0x0a}) +
                       bytes_of({0, 0, 0, 0, 0, 0x05, 0, 0});

TEST(read_reservation, tells_who_holds_it) {
    const auto read = read_reservation(reserved);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->generation, 9U);
    ASSERT_TRUE(read->held);
    EXPECT_EQ(read->held->key, 0x0aU);
    EXPECT_EQ(read->held->type, 5);
}

TEST(read_reservation, tells_that_nobody_does) {
    const auto read = read_reservation(bytes_of({0, 0, 0, 9, 0, 0, 0, 0}));
    ASSERT_TRUE(read.has_value());
    EXPECT_FALSE(read->held);
}

TEST(read_reservation, refuses_lengths_that_it_cannot_have) {
    constexpr auto field = "READ RESERVATION additional length";
    const auto odd = bytes_of({0, 0, 0, 9, 0, 0, 0, 8}) + zeros(8);
    expect_fault(read_reservation(odd), parameter_errc::out_of_range, field);
    const auto boast = bytes_of({0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff});
    expect_fault(read_reservation(boast), parameter_errc::out_of_range, field);
    const bytes cut(reserved.begin(), reserved.end() - 1);
    expect_fault(read_reservation(cut), parameter_errc::too_short, "READ RESERVATION");
    expect_fault(read_reservation(zeros(3)), parameter_errc::too_short, "READ RESERVATION");
}

// ---- REPORT CAPABILITIES

TEST(reservation_capabilities, are_the_bits_of_the_standard) {
    const auto all = read_reservation_capabilities(bytes_of({0, 8, 0x1d, 0x81, 0xea, 0x01, 0, 0}));
    ASSERT_TRUE(all.has_value());
    EXPECT_TRUE(all->compatible_handling);
    EXPECT_TRUE(all->specify_initiator_ports);
    EXPECT_TRUE(all->all_target_ports);
    EXPECT_TRUE(all->persist_through_power_loss);
    EXPECT_TRUE(all->persistence_activated);
    EXPECT_TRUE(all->tells_types);
    using enum reservation_type;
    EXPECT_EQ(
        all->types,
        (std::vector{
            write_exclusive,
            exclusive_access,
            write_exclusive_registrants_only,
            exclusive_access_registrants_only,
            write_exclusive_all_registrants,
            exclusive_access_all_registrants})
    );
}

TEST(reservation_capabilities, have_no_types_without_the_mask) {
    const auto some = read_reservation_capabilities(bytes_of({0, 8, 0x04, 0, 0xea, 1, 0, 0}));
    ASSERT_TRUE(some.has_value());
    EXPECT_TRUE(some->all_target_ports);
    EXPECT_FALSE(some->persist_through_power_loss);
    EXPECT_FALSE(some->tells_types);
    EXPECT_TRUE(some->types.empty());
}

TEST(reservation_capabilities, have_one_length) {
    expect_fault(
        read_reservation_capabilities(zeros(7)), parameter_errc::too_short, "REPORT CAPABILITIES"
    );
    expect_fault(
        read_reservation_capabilities(bytes_of({0, 9, 0, 0, 0, 0, 0, 0, 0})),
        parameter_errc::out_of_range,
        "REPORT CAPABILITIES additional length"
    );
}

// ---- READ FULL STATUS

bytes transport_id(std::string_view name) {
    return bytes_of({0x45, 0, 0, static_cast<unsigned>(name.size())}) + text_bytes(name);
}

bytes status_of(unsigned key, unsigned flags, const bytes& transport) {
    return bytes_of({0, 0, 0, 0, 0, 0, 0, key, 0, 0, 0, 0, flags, 0x05, 0, 0, 0, 0, 1, 2}) +
           bytes_of({0, 0, 0, static_cast<unsigned>(transport.size())}) + transport;
}

bytes full(const bytes& descriptors) {
    return bytes_of({0, 0, 0, 3, 0, 0, 0, static_cast<unsigned>(descriptors.size())}) + descriptors;
}

TEST(full_status, names_each_registrant) {
    const auto sas = bytes_of({0x06, 0, 0, 0, 1, 2, 3, 4});
    const auto read = read_full_status(
        full(status_of(0x0a, 1, transport_id("iqn.a,i,0x1")) + status_of(0x0b, 2, sas)), much
    );
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->generation, 3U);
    ASSERT_EQ(read->registrants.size(), 2U);
    const auto& first = read->registrants[0];
    EXPECT_EQ(first.key, 0x0aU);
    EXPECT_TRUE(first.is_holder);
    EXPECT_FALSE(first.all_target_ports);
    EXPECT_EQ(first.type, 5);
    EXPECT_EQ(first.target_port, 0x0102);
    EXPECT_EQ(first.initiator, "iqn.a,i,0x1");
    const auto& second = read->registrants[1];
    EXPECT_FALSE(second.is_holder);
    EXPECT_TRUE(second.all_target_ports);
    EXPECT_EQ(second.initiator, "of transport protocol 6");
}

TEST(full_status, says_how_much_room_all_would_need) {
    const auto one = status_of(0x0a, 0, transport_id("iqn.a"));
    const auto whole = full(one + one);
    const std::size_t room = 8 + one.size() + 10;
    const auto read =
        read_full_status(bytes(whole.begin(), whole.begin() + std::ptrdiff_t(room)), room);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->registrants.size(), 1U);
    EXPECT_EQ(read->needed_length, whole.size());
}

TEST(full_status, believes_no_length_of_a_descriptor) {
    auto lying = full(status_of(0x0a, 0, transport_id("iqn.a")));
    lying[8 + 20] = std::byte{0xff};
    expect_fault(
        read_full_status(lying, much),
        parameter_errc::out_of_range,
        "READ FULL STATUS descriptor additional length"
    );
    auto name = full(status_of(0x0a, 0, transport_id("iqn.a")));
    name[8 + 24 + 2] = std::byte{0xff}; // of the TransportID
    EXPECT_EQ(read_full_status(name, much)->registrants.at(0).initiator, "iqn.a");
}

TEST(full_status, takes_no_list_without_its_end) {
    const auto whole = full(status_of(0x0a, 0, transport_id("iqn.a")));
    expect_fault(
        read_full_status(bytes(whole.begin(), whole.end() - 1), much),
        parameter_errc::too_short,
        "READ FULL STATUS"
    );
}

TEST(reservation, data_may_end_anywhere) {
    const auto status = full(status_of(0x0a, 1, transport_id("iqn.a,i,0x1")));
    const auto with = [](auto read) {
        return [read](const bytes& data) {
            return read(data, much).has_value() && read(data, data.size()).has_value();
        };
    };
    test::read_every_beginning(two_keys, with(read_registered_keys));
    test::read_every_beginning(status, with(read_full_status));
    test::read_every_beginning(reserved, read_reservation);
    test::read_every_beginning(zeros(8), read_reservation_capabilities);
}

TEST(stated_length, of_persistent_reserve_in_depends_on_the_service_action) {
    const auto data = bytes_of({0, 8, 0, 0, 0, 0, 0, 16});
    EXPECT_EQ(stated_length(persistent_reserve_in(reserve_in::read_keys, 8), data), 24U);
    EXPECT_EQ(stated_length(persistent_reserve_in(reserve_in::report_capabilities, 8), data), 8U);
}

} // namespace
} // namespace scsi
