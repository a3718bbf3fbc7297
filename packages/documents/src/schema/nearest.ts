export { didYouMean, nearest, nearestFew } from '@headgate/domain/model/nearest';
