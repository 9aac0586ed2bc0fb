# Prints the edges between installed packages as dpkg's own library reads the database: "from to scope", one a line, names with architectures.
use strict;
use warnings;
use Dpkg::Control;
use Dpkg::Deps;
use Dpkg::Deps::KnownFacts;
use Scalar::Util qw(refaddr);

open(my $status, '<', $ARGV[0]) or die "$ARGV[0]: $!";
my (@packages, %candidates);
while (1) {
    my $package = Dpkg::Control->new(type => CTRL_FILE_STATUS);
    last unless $package->parse($status, $ARGV[0]);
    next unless $package->{Status} =~ / (?:installed|unpacked|half-configured|half-installed|triggers-awaited|triggers-pending)$/;
    push @packages, $package;
}
for my $package (@packages) {
    # Facts of one package each, to see which of several satisfies.
    my $facts = Dpkg::Deps::KnownFacts->new();
    $facts->add_installed_package($package->{Package}, $package->{Version}, $package->{Architecture}, $package->{'Multi-Arch'} // 'no');
    my @names = ($package->{Package});
    my $provides = deps_parse($package->{Provides} // '', virtual => 1, union => 1, reduce_restrictions => 0);
    for my $provided ($provides->get_deps()) {
        $facts->add_provided_package($provided->{package}, $provided->{relation}, $provided->{version}, $package->{Package});
        push @names, $provided->{package};
    }
    push @{$candidates{$_}}, [$package, $facts] for @names;
}
for my $package (@packages) {
    my %edges;
    for ([ 'Recommends', 'optional' ], [ 'Depends', 'runtime' ], [ 'Pre-Depends', 'runtime' ]) {
        my ($field, $scope) = @$_;
        my $needs = deps_parse($package->{$field} // '', reduce_restrictions => 0) or next;
        for my $need ($needs->get_deps()) {
            for my $alternative ($need->can('get_deps') ? $need->get_deps() : $need) {
                for (@{$candidates{$alternative->{package}} // []}) {
                    my ($candidate, $facts) = @$_;
                    next if refaddr($candidate) == refaddr($package) || !$alternative->get_evaluation($facts);
                    $edges{"$candidate->{Package}:$candidate->{Architecture}"} = $scope;
                }
            }
        }
    }
    print "$package->{Package}:$package->{Architecture} $_ $edges{$_}\n" for sort keys %edges;
}
