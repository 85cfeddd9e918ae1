#!/usr/bin/perl
# Compares what worker.sh left: compare.pl FOLDER DELIBERATE. Prints each difference that DELIBERATE does
# not have, then each row of it that was never of use, and ends with 1 if there was any.
#
# Rows of DELIBERATE, parted by tabs: what, pattern, reason. The pattern has to match as a whole.
#   genuine-line, our-line      a line of stderr that only one side has
#   our-file-line               a line of a file that only ours has
#   out, err, code, tree, order a part of the command lines that match; several are parted by commas.
#                               "order": the same lines of stdout, stderr or files in another order
use strict;
use warnings;

my ($folder, $deliberate) = @ARGV;
my (@lines_of_one_side, @parts_that_differ);

sub read_rows {
    open my $file, '<', $deliberate or die "$deliberate: $!";
    while (my $row = <$file>) {
        next if $row =~ /^(#|\s*$)/;
        chomp $row;
        my ($what, $pattern, $reason) = split /\t/, $row;
        die "a row without a reason: $row" if !defined $reason || $reason eq '';
        if ($what =~ /^(genuine|our)-(file-)?line$/) {
            my $side = $1 eq 'our' ? 'ours' : $1;
            my $where = defined $2 ? 'tree' : 'err';
            push @lines_of_one_side,
                {side => "$side $where", row => $row, pattern => qr/^(?:$pattern)$/, uses => 0};
            next;
        }
        push @parts_that_differ, {part => $_, row => "$_ of $pattern", pattern => qr/^(?:$pattern)$/, uses => 0}
            for split /,/, $what;
    }
}

sub lines_of {
    my ($path) = @_;
    open my $file, '<', $path or return [];
    my @lines = <$file>;
    chomp @lines;
    return \@lines;
}

# Without the lines that only this side ("ours err") may have. Places in open-iscsi's sources and the
# padding before them are no words.
sub words_of {
    my ($side, $path) = @_;
    my @words;
    LINE: for my $line (@{lines_of($path)}) {
        $line =~ s/ +# [a-z_]+\.c:[a-z_]+\(\):\d+$//;
        for my $row (@lines_of_one_side) {
            next if $row->{side} ne $side || $line !~ $row->{pattern};
            $row->{uses}++;
            next LINE;
        }
        push @words, $line;
    }
    return \@words;
}

# "path kind mode link" lines come in the order of the folder; the texts of files follow them by name.
sub tree_of {
    my ($side, $path) = @_;
    my @lines = @{words_of("$side tree", $path)};
    my ($end) = grep { $lines[$_] eq '' } 0 .. $#lines;
    return \@lines if !defined $end;
    return [sort(@lines[0 .. $end - 1]), @lines[$end .. $#lines]];
}

sub same { join("\n", @{$_[0]}) eq join("\n", @{$_[1]}) }

sub is_deliberate {
    my ($part, $command) = @_;
    my $found = 0;
    for my $row (@parts_that_differ) {
        next if $row->{part} ne $part || $command !~ $row->{pattern};
        $row->{uses}++;
        $found = 1;
    }
    return $found;
}

sub report {
    my ($part, $seed, $command, $genuine, $ours) = @_;
    print "[$seed] $command    ($part differs: - open-iscsi, + ours)\n";
    my (%in_genuine, %in_ours);
    $in_genuine{$_}++ for @$genuine;
    $in_ours{$_}++ for @$ours;
    my @missing = grep { --$in_ours{$_} < 0 } my @copy = @$genuine;
    %in_ours = ();
    my @added = grep { --$in_genuine{$_} < 0 } @$ours;
    $#missing = 11 if @missing > 12;
    $#added = 11 if @added > 12;
    print "    - $_\n" for @missing;
    print "    + $_\n" for @added;
}

sub compare {
    my ($file) = @_;
    my ($seed, $command) = @{lines_of($file)};
    my %read = (
        out => sub { lines_of("$_[1].out") },
        err => sub { words_of("$_[0] err", "$_[1].err") },
        code => sub { lines_of("$_[1].code") },
        tree => sub { tree_of($_[0], "$_[1].tree") },
    );
    my $differs = 0;
    for my $part (sort keys %read) {
        my ($genuine, $ours) = map { $read{$part}->($_, "$file.$_") } 'genuine', 'ours';
        next if same($genuine, $ours);
        my $kind = $part ne 'code' && same([sort @$genuine], [sort @$ours]) ? 'order' : $part;
        next if is_deliberate($kind, $command);
        report($kind, $seed, $command, $genuine, $ours);
        $differs = 1;
    }
    return $differs;
}

read_rows();
my @files = sort grep { /\/\d{4}$/ } glob "$folder/*";
my $differing = grep { compare($_) } @files;
my @unused = grep { $_->{uses} == 0 } @lines_of_one_side, @parts_that_differ;
print "never of use in $deliberate: $_->{row}\n" for @unused;
printf "%d command lines, %d differ unlisted\n", scalar @files, $differing;
exit($differing || @unused ? 1 : 0);
