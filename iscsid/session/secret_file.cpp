#include "iscsid/session/secret_file.hpp"

#include "iscsid/os/descriptor.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <string.h> // NOLINT(modernize-deprecated-headers): explicit_bzero
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <span>
#include <system_error>

namespace iscsid::session {

using iscsi::admin::record;
using iscsi::admin::record_kind;
using iscsi::admin::setting_key;

const char* category_name(secret_errc /*unused*/) {
    return "secret file";
}

std::string_view message_of(secret_errc what) {
    switch (what) {
    case secret_errc::two_sources:
        return "the secret is in the record, too";
    case secret_errc::no_credentials:
        return "systemd has given this process no credentials";
    case secret_errc::bad_name:
        return "neither an absolute path nor a name";
    case secret_errc::unreadable:
        return "cannot be read";
    case secret_errc::not_a_file:
        return "not a regular file";
    case secret_errc::foreign_owner:
        return "belongs to another user";
    case secret_errc::open_to_others:
        return "open to group or others";
    case secret_errc::too_long:
        return "too long for a secret";
    case secret_errc::empty:
        return "no secret in it";
    case secret_errc::control_character:
        return "a control character in the secret";
    case secret_errc::hangs:
        return "its filesystem does not answer";
    }
    return "unknown";
}

namespace {

iscsi::fault secret_fault(secret_errc code, std::string got, std::string expected) {
    return {iscsi::to_error_code(code), {}, std::move(got), std::move(expected)};
}

struct secret_location {
    std::filesystem::path path;
    bool is_credential = false;
};

iscsi::result<secret_location> locate(const std::string& where, const secret_places& from) {
    if (where.starts_with('/'))
        return secret_location{where, false};
    if (where.empty() || where == "." || where == ".." || where.find('/') != std::string::npos)
        return secret_fault(
            secret_errc::bad_name, where, "an absolute path, or the name of a credential"
        );
    if (from.credentials.empty())
        return secret_fault(
            secret_errc::no_credentials,
            where,
            "LoadCredential= or LoadCredentialEncrypted= in iscsid.service"
        );
    return secret_location{from.credentials / where, true};
}

iscsi::fault unreadable(const std::filesystem::path& path, int error) {
    return secret_fault(
        secret_errc::unreadable,
        fmt::format("{}: {}", path.string(), std::generic_category().message(error)),
        {}
    );
}

// systemd's own folder is closed to others; its files may have an owner and a mode of their own.
iscsi::result<void>
check_guard(const secret_location& at, const struct stat& about, const secret_places& from) {
    if (!S_ISREG(about.st_mode))
        return secret_fault(secret_errc::not_a_file, at.path.string(), {});
    if (at.is_credential)
        return {};
    if (about.st_uid != 0 && about.st_uid != from.user)
        return secret_fault(
            secret_errc::foreign_owner,
            fmt::format("{} of user {}", at.path.string(), about.st_uid),
            from.user == 0 ? "root" : fmt::format("root or user {}", from.user)
        );
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return secret_fault(
            secret_errc::open_to_others,
            fmt::format("{} with mode {:04o}", at.path.string(), about.st_mode & 07777U),
            "0400 or 0600"
        );
    return {};
}

// Room for one byte too many besides the newline.
class secret_buffer {
  public:
    secret_buffer() = default;
    secret_buffer(const secret_buffer&) = delete;
    secret_buffer& operator=(const secret_buffer&) = delete;

    ~secret_buffer() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

    // 0, or errno.
    int fill(int file) {
        while (size_ < bytes_.size()) {
            const auto rest = std::span(bytes_).subspan(size_);
            const auto got = ::read(file, rest.data(), rest.size());
            if (got == 0)
                return 0;
            if (got < 0 && errno != EINTR)
                return errno;
            if (got > 0)
                size_ += static_cast<std::size_t>(got);
        }
        return 0;
    }

    std::string_view text() const {
        const std::string_view all(bytes_.data(), size_);
        return all.substr(0, all.ends_with('\n') ? size_ - 1 : size_);
    }

  private:
    std::array<char, longest_secret + 2> bytes_{};
    std::size_t size_ = 0;
};

bool is_control(char each) {
    const auto byte = static_cast<unsigned char>(each);
    return byte < 0x20 || byte == 0x7f;
}

iscsi::result<void> check_secret(const std::filesystem::path& path, std::string_view secret) {
    if (secret.empty())
        return secret_fault(secret_errc::empty, path.string(), {});
    if (secret.size() > longest_secret)
        return secret_fault(
            secret_errc::too_long, path.string(), fmt::format("at most {} bytes", longest_secret)
        );
    if (std::ranges::any_of(secret, is_control))
        return secret_fault(
            secret_errc::control_character, path.string(), "one line, with or without its newline"
        );
    return {};
}

// One secret of a record: in it, or in a file.
struct secret_keys {
    setting_key in_record;
    setting_key in_file;
};

struct secret_pair {
    secret_keys outgoing, incoming;
    setting_key username;
};

constexpr secret_pair node_secrets{
    {"node.session.auth.password", "node.session.auth.password_file"},
    {"node.session.auth.password_in", "node.session.auth.password_in_file"},
    "node.session.auth.username"};

constexpr secret_pair discovery_secrets{
    {"discovery.sendtargets.auth.password", "discovery.sendtargets.auth.password_file"},
    {"discovery.sendtargets.auth.password_in", "discovery.sendtargets.auth.password_in_file"},
    "discovery.sendtargets.auth.username"};

iscsi::result<void>
add_secret(const record& of, const secret_keys& keys, const secret_places& from, std::string& to) {
    const auto& where = of.get(keys.in_file);
    if (where.empty())
        return {};
    const std::string name(keys.in_file.name());
    if (!of.get(keys.in_record).empty())
        return iscsi::fault{
            iscsi::to_error_code(secret_errc::two_sources),
            name,
            {},
            fmt::format("{} empty, or no file", keys.in_record.name())};
    auto secret = read_secret(where, from);
    if (secret.has_error()) {
        auto why = std::move(secret).error();
        why.field = name;
        return why;
    }
    to = *std::move(secret);
    return {};
}

// A target that is to prove itself is not spoken to without both secrets.
void refuse_logins(iscsi::auth_config& with) {
    with.outgoing = {};
    with.incoming = {"-", {}};
}

iscsi::result<std::string> read_at(const secret_location& at, const secret_places& from) {
    // Without waiting for the other end of a FIFO.
    const os::descriptor file(::open(at.path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    );

    struct stat about {};

    if (!file || ::fstat(file.number(), &about) != 0)
        return unreadable(at.path, errno);
    if (const auto guarded = check_guard(at, about, from); guarded.has_error())
        return guarded.error();
    secret_buffer buffer;
    if (const int error = buffer.fill(file.number()); error != 0)
        return unreadable(at.path, error);
    if (const auto usable = check_secret(at.path, buffer.text()); usable.has_error())
        return usable.error();
    return std::string(buffer.text());
}

} // namespace

secret_places usual_secret_places(std::shared_ptr<bounded_read> reads) {
    const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY"); // NOLINT(*-mt-unsafe)
    return {credentials == nullptr ? "" : credentials, ::geteuid(), std::move(reads)};
}

iscsi::result<std::string> read_secret(const std::string& where, const secret_places& from) {
    const auto at = locate(where, from);
    if (at.has_error())
        return at.error();
    auto read = from.reads->run(at->path, [at = *at, from] { return read_at(at, from); });
    if (!read)
        return secret_fault(secret_errc::hangs, at->path.string(), {});
    return *std::move(read);
}

iscsi::result<void>
read_secret_files(const record& of, const secret_places& from, iscsi::auth_config& to) {
    const auto& keys = of.kind() == record_kind::node ? node_secrets : discovery_secrets;
    auto done = add_secret(of, keys.outgoing, from, to.outgoing.secret);
    if (done.has_value())
        done = add_secret(of, keys.incoming, from, to.incoming.secret);
    if (done.has_error())
        refuse_logins(to);
    else if (!to.outgoing.secret.empty())
        to.outgoing.name = of.get(keys.username);
    return done;
}

} // namespace iscsid::session
